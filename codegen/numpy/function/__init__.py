"""Kernel -> one function: arguments that are checked, sizes, equations in words, statements."""
