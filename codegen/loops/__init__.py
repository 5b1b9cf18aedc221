"""Nest -> a function of loops that numba compiles, and the one that a module calls; the module that they stand in.

What other rooms may use of this one is here. `computable` and `LOOPED` say which bodies and which reductions loops are
written for. Arrays are addressed by one number each, so that an inner loop over channels is contiguous in all of them.
Numbers that the body needs are arguments, of the arrays' type: a Python number would make everything float64.
"""

from gradscribe.codegen.loops.body import LOOPED, computable
from gradscribe.codegen.loops.companion import FOLDER, companions
from gradscribe.codegen.loops.loop_function import NestFunctions, nest_functions
from gradscribe.codegen.loops.nest import FEWEST_STEPS, Nest

__all__ = [
    "FEWEST_STEPS", "FOLDER", "LOOPED", "Nest", "NestFunctions", "companions", "computable", "nest_functions",
]  # fmt: skip
