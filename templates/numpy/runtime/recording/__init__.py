"""Calls of generated functions that are recorded once, and are one call of C from then on."""
