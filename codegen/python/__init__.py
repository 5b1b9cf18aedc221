"""Python code as records: expressions and statements, and the one printer that makes text of them."""
