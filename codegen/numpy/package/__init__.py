"""The runtime of generated packages: its files, and the tables and loops in it that are computed."""
