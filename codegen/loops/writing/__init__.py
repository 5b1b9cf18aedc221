"""What all loops are written with: names, addresses, ranges and bodies."""
