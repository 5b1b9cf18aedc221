"""Commands that show derivations."""
