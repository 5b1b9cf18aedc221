"""Who reads whom, drawn from the accesses of an equation."""
