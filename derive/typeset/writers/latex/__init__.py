"""Document -> LaTeX."""
