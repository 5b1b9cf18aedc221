"""A page evaluated: its rows, its boxes and its slopes, by numbers."""
