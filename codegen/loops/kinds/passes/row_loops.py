"""Row by row: elements are computed from those at the same place, and added up along rows, or over them.

One pass instead of one per operation; what several statements read of a row is in the cache, or in a register.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from sympy import Expr

from gradscribe.codegen.loops.kinds.passes import moments
from gradscribe.codegen.loops.kinds.passes.column_sums import Columns
from gradscribe.codegen.loops.kinds.passes.row_group import all_read, groups, write_group
from gradscribe.codegen.loops.nest import BLOCK, Nest
from gradscribe.codegen.loops.text.c_function import LONG, ROW
from gradscribe.codegen.loops.writing.loop_writer import Writer
from gradscribe.codegen.python.expression import Binary, Literal, Name, call
from gradscribe.codegen.python.scalars.scalar import ZERO
from gradscribe.derive.ir.term import accesses


def write(w: Writer) -> Expr:
    """Write the loops; returns the extent that is divided into parts."""
    if len(w.nest.stages) > 1:
        return moments.write(w)
    nest, start, stop = w.nest, w.name("start"), w.name("stop")
    found = groups(nest.members or (nest,))
    if not nest.outer:
        (group,) = found
        bases = w.bases(all_read(group))
        write_group(w, group, bases, (start, stop), set(), {})
        return nest.vector.extent
    columns = Columns(w, tuple(m for group in found for m in group if m.kind == "column_sums"))
    columns.before()
    later = [_read(found[k + 1 :]) for k in range(len(found))]
    for array in nest.local:
        if any(array in read for read in later) or w.shapes[array] == (1,):
            w.scratch(ROW, w.array(array), "REAL", w.integer(w.shapes[array][0]))
    first = nest.outer[0]
    with w.loop(w.index(first.index), start, stop), columns.within(), _rows(w):
        bases = w.bases(all_read([m for group in found for m in group]))
        for group, read in zip(found, later, strict=True):
            write_group(w, group, bases, (ZERO, w.integer(nest.vector.extent)), read, columns.places)
        columns.behind_row()
    return first.extent


def _read(found: Sequence[Sequence[Nest]]) -> set[str]:
    """The arrays that groups read."""
    return {a.tensor for group in found for m in group for e in (m.body, m.after) for a in accesses(e)}


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _rows(w: Writer) -> AbstractContextManager[None]:
    """Statements within the loops over rows."""
    first, *middle = w.nest.outer
    if not w.nest.blocked:
        return w.loops(middle) if middle else _nothing()
    (r,) = middle
    low: Name = w.name("low_row")
    w.new(LONG, low, Binary("*", w.index(first.index), Literal(BLOCK)))
    return w.loop(w.index(r.index), low, call("min", Binary("+", low, Literal(BLOCK)), w.integer(r.extent)))
