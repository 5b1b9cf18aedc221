"""Program -> Plan: one planner for every program, no per-layer code.

`lower` tries, statement by statement: window views and one GEMM (`contract`); windows reduced or filled axis by axis
(`windows`); a scatter of slices, in blocks (`blocks`); loops over taps (`taps`), which always applies.
"""

from gradscribe.codegen.lower.statements import lower

__all__ = ["lower"]
