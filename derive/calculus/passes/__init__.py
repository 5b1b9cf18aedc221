"""Rewrites that change no value: what is known is named, what is idle goes."""
