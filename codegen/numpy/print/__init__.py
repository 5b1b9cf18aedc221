"""Plan -> statements of Python, record by record."""
