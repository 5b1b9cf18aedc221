"""Sums of products: read as numbers, computed in the way that is predicted to be the fastest."""
