"""Several chapters of derivations as one document, with an index of symbols and the literature."""
