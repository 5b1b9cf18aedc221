"""Every element of the target is computed from those at the same place: one pass instead of one per operation."""

from sympy import Expr

from gradscribe.codegen.nest.writer import Writer


def write(w: Writer) -> Expr:
    """Write the loop; returns the extent that is divided into parts."""
    nest = w.nest
    target, bases = w.base(), w.bases(nest.body)
    head = w.vector_head().partition(" in ")[0]
    with w.block(f"{head} in range(np.uintp({w.name('start')}), np.uintp({w.name('stop')})):"):
        value = w.value(nest.body, bases, {})
        w.line(f"{nest.target}[{w.element(target, {})}] = {value}")
    return nest.vector.extent
