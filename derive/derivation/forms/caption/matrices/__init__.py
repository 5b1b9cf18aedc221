"""An equation as a product of matrices: windows as rows (im2col), its gradients, a Toeplitz matrix."""
