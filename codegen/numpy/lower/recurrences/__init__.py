"""Recurrences: position by position, and in stretches between checkpoints."""
