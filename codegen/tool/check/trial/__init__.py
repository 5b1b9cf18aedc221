"""Examples: random ones, the smallest that goes wrong, and what the function returns for it."""
