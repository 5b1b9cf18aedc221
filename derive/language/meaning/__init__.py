"""What names mean, how far indices run, which values parameters may have."""
