"""Loops over single elements, which are compiled: beside what NumPy does, or one pass for several statements."""
