"""The book: the whole catalogue, or what is asked for of it, as one document."""
