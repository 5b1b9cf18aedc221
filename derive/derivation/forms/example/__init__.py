"""A page with numbers: small sizes, whole numbers, one element worked out."""
