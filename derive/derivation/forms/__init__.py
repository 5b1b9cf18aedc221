"""Gradients in forms of their own: words and operators that name them, and closed forms."""
