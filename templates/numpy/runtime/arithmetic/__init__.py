"""What statements of kernels call: ranges of indices, sums, extrema, scalar functions, lookups."""
