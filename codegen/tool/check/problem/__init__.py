"""What is to be checked: parameters, caches, results and layouts of somebody's function."""
