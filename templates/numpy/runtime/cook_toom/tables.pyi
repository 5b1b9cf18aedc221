# What tables.py says, which is written when the package is generated.
from .algorithm import CookToom

COOK_TOOM: dict[tuple[int, int], CookToom]
