"""Definitions of a text, of the files that it includes and of the library, and the expansion of texts by them."""
