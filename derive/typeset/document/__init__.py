"""Derivation -> Document: headings, sentences, rows, boxes and tables before any format."""
