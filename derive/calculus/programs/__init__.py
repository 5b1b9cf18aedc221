"""Layer and Gradient -> the programs that functions run."""
