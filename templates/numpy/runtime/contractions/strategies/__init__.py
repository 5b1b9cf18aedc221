"""The ways to compute a contraction, a file each; what a long one consists of stands in files beside it."""
