"""The fan-in of a layer: how many products each output sums."""

from collections.abc import Sequence

import sympy
from sympy import Expr, Integer

from gradscribe.derive.ir.term import Program, accesses


def fan_in(program: Program, weights: Sequence[str]) -> Expr:
    """The product of the extents summed over where the first of `weights` is read; 1 where nothing is summed.

    Indices that the weight lacks, such as that of the batch, give no more products with different elements of it.
    Where a weight is read element by element first (a table times the weight), the reader of that counts.
    """
    best: Expr = Integer(1)
    names = set(weights)
    shapes = {program.tensors[w].shape for w in weights}
    for statement in program.statements:
        read = [a for a in accesses(statement.term.body) if a.tensor in names]
        if not read:
            continue
        digits = {v for d in statement.term.deltas for v in d.free_symbols}
        own = set().union(*(a.free_symbols for a in read)) - digits
        extents = [r.extent for r in statement.term.bound if r.index in own]
        if extents and best == 1:
            best = sympy.prod(extents)
        elif not extents and statement.target.shape in shapes:
            names.add(statement.target.name)
    return best
