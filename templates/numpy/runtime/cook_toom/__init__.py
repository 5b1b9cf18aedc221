"""Fast correlations: their matrices, and their transforms as compiled loops, written from the exact algorithms."""
