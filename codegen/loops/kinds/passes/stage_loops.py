"""Stage by stage for each value of the outermost index: what sums over its rows give, the next sweep over them reads.

The rows of one such value are in the cache by then, as long as there is room for them.
"""

from sympy import Expr

from gradscribe.codegen.loops.kinds.passes.column_numbers import ColumnNumbers
from gradscribe.codegen.loops.kinds.passes.column_sums import Columns
from gradscribe.codegen.loops.kinds.passes.row_group import all_read, write_group
from gradscribe.codegen.loops.text.c_function import ROW
from gradscribe.codegen.loops.writing.loop_writer import Writer
from gradscribe.codegen.python.scalars.scalar import ZERO


def write(w: Writer) -> Expr:
    """Write the loops; returns the extent that is divided into parts."""
    nest, start, stop = w.nest, w.name("start"), w.name("stop")
    first, *rows = nest.outer
    if nest.groups is not None:
        w.indices.add(nest.groups.range.index)
    sums = {m.target for m in nest.members if m.kind == "column_sums"}
    for array in nest.local:
        if array in sums:
            w.scratch(ROW, w.array(array), "REAL", w.integer(w.shapes[array][0]))
    numbers = [ColumnNumbers(w, stage) for stage in nest.stages]
    columns = [Columns(w, tuple(m for m in n.members if m.kind == "column_sums")) for n in numbers]
    max(columns, key=lambda c: len(c.nests)).take()
    for n in numbers:
        n.before()
    with w.loop(w.index(first.index), start, stop):
        for n, c in zip(numbers, columns, strict=True):
            with w.block():
                n.fill()
                with c.within(), w.loops(rows):
                    bases = w.bases(all_read(n.members))
                    limits = ZERO, w.integer(nest.vector.extent)
                    write_group(w, n.members, bases, limits, set(), c.places)
                    c.behind_row()
    return first.extent
