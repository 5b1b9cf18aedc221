"""Pages to look at: one HTML file each, which asks nothing of any other machine."""
