"""Program -> Plan: one planner for every program, no per-layer code.

`lower` tries, statement by statement: window views and one GEMM (`products`), then `slices`: windows reduced or filled
axis by axis (`windows`), a scatter in blocks (`blocks`), loops over taps, which always applies (`taps`). `release`
then lets go of what is read no more, where a function asks for that.
"""

from gradscribe.codegen.numpy.lower.planner import lower

__all__ = ["lower"]
