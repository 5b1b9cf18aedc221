"""The kinds of loops: a Nest of each, with its bounds and its body."""
