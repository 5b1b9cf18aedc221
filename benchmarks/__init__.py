"""Generated kernels against PyTorch, JAX, onnxruntime and textbook NumPy, each side in a process of its own.

`rows` says what is measured, `targets` what is to be reached, `sides` how each side computes it; `measure` runs them
in `worker` processes, `history` keeps results, `report` and `plot` show them.
"""
