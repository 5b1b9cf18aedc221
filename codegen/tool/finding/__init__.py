"""Layers, networks and optimisers that users name."""
