"""Nest -> a function of loops in C, and the one of Python that a module calls; the module that they stand in.

What other rooms may use of this one is here. `computable` and `LOOPED` say which bodies and which reductions loops are
written for. Arrays are addressed by one number each, so that an inner loop over channels is contiguous in all of them.
"""

from gradscribe.codegen.loops.companion import FOLDER, companions
from gradscribe.codegen.loops.correspondence import Correspondence, like, renamed, symbols_of
from gradscribe.codegen.loops.loop_function import NestLoops, nest_loops
from gradscribe.codegen.loops.nest import BLOCK, FEWEST_STEPS, Groups, Nest, all_bodies, outermost
from gradscribe.codegen.loops.writing.body import LOOPED, computable, is_cheap

__all__ = [
    "BLOCK", "FEWEST_STEPS", "FOLDER", "LOOPED", "Correspondence", "Groups", "Nest", "NestLoops", "all_bodies",
    "companions", "computable", "is_cheap", "like", "nest_loops", "outermost", "renamed", "symbols_of",
]  # fmt: skip
