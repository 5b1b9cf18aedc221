"""Reductions in gradients: products of all other factors, those that grow by one factor, and sums over nothing."""
