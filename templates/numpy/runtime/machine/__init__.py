"""The machine: settings, threads, memory, and loops that are compiled."""
