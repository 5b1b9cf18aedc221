"""SymPy equations -> Layer, Optimiser: a program and how people call it."""
