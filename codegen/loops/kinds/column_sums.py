"""Every element of the target is a sum over rows: for each value of the outermost index, or for each block of rows.

Sums come together in the target, a row at a time, and go to float64 every now and then: a long sum in float32 would
stop growing.
"""

from contextlib import AbstractContextManager

from sympy import Expr, Integer

from gradscribe.codegen.loops.kinds.reduce import ROWS
from gradscribe.codegen.loops.nest import BLOCK
from gradscribe.codegen.loops.text.c_function import LONG, SUMS, CIf
from gradscribe.codegen.loops.writing.loop_writer import Writer
from gradscribe.codegen.python.expression import Binary, Comparison, Expression, Literal, Name, Part, call
from gradscribe.codegen.python.scalars.scalar import ZERO
from gradscribe.codegen.python.statement import Assign


def write(w: Writer) -> Expr:
    """Write the loops; returns the extent that is divided into parts."""
    nest = w.nest
    sums, row, zero = w.name("sums"), w.name("row"), w.number(Integer(0))
    outermost = nest.outer[0]
    with w.loop(w.index(outermost.index), w.name("start"), w.name("stop")):
        w.scratch(SUMS, sums, "double", w.integer(nest.vector.extent))
        target = w.base()
        element, own = w.element(nest.target, target, {}), Part(sums, (w.index(nest.vector.index),))
        with w.row():
            w.lets((own, element), (zero, zero))
        w.new(LONG, row, ZERO)
        with _rows(w):
            bases = w.bases(nest.body)
            with w.along(ZERO, w.integer(nest.vector.extent)):
                w.add(element, w.value(nest.body, bases, {}))
            w.add(row, Literal(1))
            _empty(w, row, element, own)
        with w.row():
            w.add(element, own)
            if nest.after != 1:
                w.put(Assign(element, w.scalar(nest.after, w.bases(nest.after)), "*="))
    return outermost.extent


def _rows(w: Writer) -> AbstractContextManager[None]:
    """Statements within the loops over what is summed up."""
    outermost, *rows = w.nest.outer
    if not w.nest.blocked:
        return w.loops(rows)
    (r,) = rows
    low = w.name("low")
    w.new(LONG, low, Binary("*", w.index(outermost.index), Literal(BLOCK)))
    return w.loop(w.index(r.index), low, call("min", Binary("+", low, Literal(BLOCK)), w.integer(r.extent)))


def _empty(w: Writer, row: Name, element: Expression, own: Expression) -> None:
    """Add what has come together to the sums, every now and then."""
    with w.apart() as body, w.row():
        w.put(Assign(own, element, "+="), Assign(element, w.number(Integer(0))))
    turn = Comparison((Binary("%", row, Literal(ROWS)), ZERO), ("==",))
    w.put(CIf(turn, tuple(body)))
