"""What kernels are given: arrays, options, extents and weights, checked before anything is computed."""
