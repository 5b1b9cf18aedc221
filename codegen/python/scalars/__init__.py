"""SymPy's scalars as expressions of Python: sizes and constants, and bodies in the words of a backend."""
