"""Every element of the target is a sum over all that the target does not see: one element after the other."""
