"""The sizes and numbers of an example."""
