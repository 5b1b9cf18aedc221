"""Contractions as one loop nest in C: which index runs where, and what that costs."""
