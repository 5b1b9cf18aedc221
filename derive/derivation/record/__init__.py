"""What a page consists of."""
