"""Networks as graphs: what reads what, and what goes back."""
