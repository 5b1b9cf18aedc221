# What sources.py says, which is written when the package is generated.
LOOPS: str
POOL: str
