"""From equations to code: plans, NumPy text, files. Imports derive; nothing imports it but the command line."""
