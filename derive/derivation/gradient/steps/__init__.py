"""The rows of a section, each made from the one before."""
