"""Kernel -> what is computed only where it is wanted or given, and what integers must be."""
