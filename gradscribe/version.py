"""The version, in a file that imports nothing: the command line tells it, and the build reads it."""

__version__ = "0.1.0"
