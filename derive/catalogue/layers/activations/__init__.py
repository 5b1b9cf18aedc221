"""Activations: `y = f(x)`."""
