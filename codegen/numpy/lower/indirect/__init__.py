"""Reads and writes where labels say, each read once."""
