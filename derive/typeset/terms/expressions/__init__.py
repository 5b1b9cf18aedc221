"""Terms and sides of equations as pieces, whatever the format."""
