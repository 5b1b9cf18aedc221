"""Printers of derivations: they arrange and typeset recorded steps, and contain no rule of mathematics."""
