"""SymPy equations -> Program, and back.

A layer is written with SymPy's own objects: `IndexedBase` with a shape, `Idx` with a range, `Sum`, `Eq`; and with
`Maximum` and `Minimum` over indices (`REDUCED` has one for every row of `derive.ir.reductions`), `inside` for a range
bracket and `equal` for an equality bracket:

    u, x, w = IndexedBase("u", shape=(N, M)), IndexedBase("x", shape=(N, L)), IndexedBase("w", shape=(R,))
    n, m, r = Idx("n", N), Idx("m", M), Idx("r", R)
    program(Eq(u[n, m], Sum(x[n, s * m + r - p] * w[r], r)), inputs=(x, w))

Nested reductions are flattened: each becomes a statement of its own, so that every statement has one reduction.
"""

from gradscribe.derive.layer.equations.program_reader import program
from gradscribe.derive.layer.equations.sympy_form import to_sympy
from gradscribe.derive.layer.equations.written_objects import (
    REDUCED,
    Maximum,
    Minimum,
    Named,
    Reduced,
    inside,
    named,
)

__all__ = ["REDUCED", "Maximum", "Minimum", "Named", "Reduced", "inside", "named", "program", "to_sympy"]
