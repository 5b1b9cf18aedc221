"""One statement: the order of its loops, its scalars, its text."""
