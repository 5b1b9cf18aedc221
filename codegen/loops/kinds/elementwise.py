"""Every element of the target is computed from those at the same place: one pass instead of one per operation."""

from sympy import Expr

from gradscribe.codegen.loops.writing.loop_writer import Writer


def write(w: Writer) -> Expr:
    """Write the loop; returns the extent that is divided into parts."""
    nest = w.nest
    target, bases = w.base(), w.bases(nest.body)
    with w.along(w.name("start"), w.name("stop")):
        value = w.value(nest.body, bases, {})
        w.let(w.element(nest.target, target, {}), value)
    return nest.vector.extent
