"""Functions in C: which compiler there is, where what it makes is kept, and how it is called.

Nothing of it is loaded before it is asked for.
"""
