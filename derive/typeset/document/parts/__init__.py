"""What stands on a page in one piece: the gradients, one by one, and the table of all levels."""
