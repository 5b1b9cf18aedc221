"""All that is no product of matrices: whole slices, tap by tap, in blocks, axis after axis."""
