"""Products: what all other factors come to, which slopes are written with, and those that grow by one factor."""
