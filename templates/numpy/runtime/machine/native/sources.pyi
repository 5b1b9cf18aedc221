# What sources.py says, which is written when the package is generated.
CONTRACTION: str
DOTS: str
FOLD: str
LOOPS: str
POOL: str
WINOGRAD: str
WINOGRAD_SUMS: str
