"""Gradients as expressions: their closed forms, and how these are reached."""
