"""Closed forms of gradients as rows and a box."""
