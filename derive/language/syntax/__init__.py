"""Text -> syntax tree, with a place for every error."""
