"""Sums of products: a contraction of few operands, windows among them."""
