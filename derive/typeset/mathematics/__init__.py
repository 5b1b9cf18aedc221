"""LaTeX's mathematics, which Markdown and notebooks share."""
