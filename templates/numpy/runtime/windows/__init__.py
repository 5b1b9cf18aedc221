"""Windows reduced to a value, and values given to windows, one axis after the other."""
