"""What users call: the command line, layers by name, packages, `check`, `explain`, `verify`."""
