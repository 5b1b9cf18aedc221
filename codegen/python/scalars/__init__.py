"""SymPy's scalars as expressions of Python: sizes are integers, bodies are NumPy's."""
