"""Records -> text: one printer, line breaks, literals, skeletons."""
