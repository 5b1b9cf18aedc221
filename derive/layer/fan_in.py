"""The fan-in of a layer: how many products each output sums."""

from collections.abc import Sequence

import sympy
from sympy import Expr, Integer

from gradscribe.derive.ir.term import Program, accesses


def fan_in(program: Program, weights: Sequence[str]) -> Expr:
    """The product of the extents summed over where the first of `weights` is read; 1 where nothing is summed.

    Where a weight is read element by element first (a table times the weight), the reader of that counts.
    """
    best: Expr = Integer(1)
    names = set(weights)
    shapes = {program.tensors[w].shape for w in weights}
    for statement in program.statements:
        if not any(a.tensor in names for a in accesses(statement.term.body)):
            continue
        digits = {v for d in statement.term.deltas for v in d.free_symbols}
        extents = [r.extent for r in statement.term.bound if r.index not in digits]
        if extents and best == 1:
            best = sympy.prod(extents)
        elif not extents and statement.target.shape in shapes:
            names.add(statement.target.name)
    return best
