"""Labels must be positions: what an index is compared with, and every subscript that reads an integer tensor.

A function that is given labels checks them before it computes, unless a condition leaves them out. A gradient that does
not know the extent leaves the check to the forward function.
"""

from collections.abc import Iterator

from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.derive.calculus.passes.positions import LabelCondition, label_conditions
from gradscribe.derive.ir.term import accesses


def kernel_conditions(kernel: Kernel) -> Iterator[LabelCondition]:
    """What must hold of the labels that `kernel` is given."""
    program = kernel.layer.program
    given = {t.name for t in kernel.arguments if t in program.inputs and t.integer}
    known = kernel.program.symbols()
    for found in label_conditions(program):
        parts = (found.extent, *(r.extent for r in found.ranges), found.label, *found.counted)
        sizes = set().union(*(e.free_symbols for e in parts)) - set(found.term.indices)
        if {a.tensor for a in accesses(found.label)} <= given and sizes <= known:
            yield found
