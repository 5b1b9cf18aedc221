# What transforms.py says, which is written when the package is generated.
from ..machine.compiled import Loops

TRANSFORMS: dict[tuple[str, int, int], Loops]
