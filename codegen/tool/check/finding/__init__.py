"""Deviation -> sentences: what is wrong, each statement evaluated before it is said."""
