"""Rewrites of gradients as expressions: normal form, insertion, sums that are known, tensors read, common factors."""
