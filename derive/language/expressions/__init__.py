"""Syntax tree -> SymPy expressions."""
