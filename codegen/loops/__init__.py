"""Nest -> a function of loops that numba compiles, and the one that a module calls.

Arrays are addressed by one number each, so that an inner loop over channels is contiguous in all of them. Numbers that
the body needs are arguments, of the arrays' type: a Python number would make everything float64.
"""

from gradscribe.codegen.loops.loop_function import NestFunctions, nest_functions

__all__ = ["NestFunctions", "nest_functions"]
