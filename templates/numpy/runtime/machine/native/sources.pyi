# What sources.py says, which is written when the package is generated.
CONTRACTION: str
POOL: str
WINOGRAD: str
