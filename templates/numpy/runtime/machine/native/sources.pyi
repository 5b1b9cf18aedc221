# What sources.py says, which is written when the package is generated.
CONTRACTION: str
COUNTED: str
DOTS: str
ELEMENTS: str
FOLD: str
LOOPS: str
PARTS: str
POOL: str
TOTALS: str
WINOGRAD: str
WINOGRAD_SUMS: str
