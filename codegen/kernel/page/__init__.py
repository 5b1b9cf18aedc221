"""Kernel -> the page of its layer: which equation of it a statement is, and under which number."""
