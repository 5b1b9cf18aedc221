"""Rows that may be computed several at a time, as one long row: what is shorter than a vector would leave it empty.

That can be where all arrays have the same rows, or the same row each time, which is repeated then.
"""

from dataclasses import dataclass, replace

from sympy import Expr, Symbol

from gradscribe.codegen.loops.nest import Nest
from gradscribe.derive.ir.term import Range

ROW = Symbol("row", integer=True, nonnegative=True)
"""The extent of a row: it is told when loops are called."""

VECTOR = 16
"""Elements of the longest vector; rows of whole vectors are as they should be."""


@dataclass(frozen=True)
class LongRows:
    """Loops over rows of any extent, that which they have, and the arrays that have one row only."""

    nest: Nest
    extent: Expr
    repeated: tuple[str, ...]


def lengthened(nest: Nest) -> LongRows | None:
    """The loops over rows that may be computed several at a time; None for others."""
    extent = nest.vector.extent
    members = nest.members or (nest,)
    alike = nest.groups is None and all(m.kind == "pointwise" and not m.brackets for m in members)
    if not alike or len(nest.outer) != 1 or nest.blocked or nest.parted or (extent.is_Integer and extent % VECTOR == 0):
        return None
    (rows,) = nest.outer
    shapes = {name: shape for name, shape in nest.shapes if shape}
    repeated = tuple(name for name, shape in shapes.items() if shape == (extent,) and name not in nest.local)
    others = [shape for name, shape in shapes.items() if name not in (*repeated, *nest.local)]
    same = all(shape == (rows.extent, extent) for shape in others)
    if not repeated or not same or set(repeated) & set(nest.written):
        return None
    return LongRows(_of_any_extent(nest), extent, repeated)


def _of_any_extent(nest: Nest) -> Nest:
    return replace(
        nest,
        vector=Range(nest.vector.index, ROW),
        shapes=tuple((name, (*shape[:-1], ROW) if shape else shape) for name, shape in nest.shapes),
        members=tuple(map(_of_any_extent, nest.members)),
    )
