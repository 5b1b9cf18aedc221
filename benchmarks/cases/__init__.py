"""What is no layer over an image: matrices, rows, attention, cells, steps of own equations, whole networks."""
