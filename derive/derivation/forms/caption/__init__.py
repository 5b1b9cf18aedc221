"""What boxed rows are called: records, read off a row; their words, their operator form, their value by definition."""
