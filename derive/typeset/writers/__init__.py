"""The formats of pages: what a `Writer` of each makes of a document."""
