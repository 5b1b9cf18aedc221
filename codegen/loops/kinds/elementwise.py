"""Every element of the target is computed from those at the same place: one pass instead of one per operation."""

from sympy import Expr

from gradscribe.codegen.loops.writing.loop_writer import Writer
from gradscribe.codegen.python.expression import Expression
from gradscribe.codegen.python.scalars.scalar import ZERO


def write(w: Writer) -> Expr:
    """Write the loops; returns the extent that is divided into parts."""
    nest, start, stop = w.nest, w.name("start"), w.name("stop")
    if not nest.outer:
        _row(w, start, stop)
        return nest.vector.extent
    first, *middle = nest.outer
    with w.loop(w.index(first.index), start, stop), w.loops(middle):
        _row(w, ZERO, w.integer(nest.vector.extent))
    return first.extent


def _row(w: Writer, low: Expression, high: Expression) -> None:
    """The loop over elements next to each other."""
    nest = w.nest
    target, bases = w.base(), w.bases(nest.body)
    with w.along(low, high):
        value = w.value(nest.body, bases, {})
        w.let(w.element(nest.target, target, {}), value)
