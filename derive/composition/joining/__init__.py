"""Nodes -> one program: their order, sizes and settings, and names that never clash."""
