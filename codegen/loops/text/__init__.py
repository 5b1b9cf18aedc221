"""C as text: statements and functions of C, and the one printer that makes lines of them."""
