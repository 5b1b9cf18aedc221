"""Every element of the target is the sum of a row, or its extremum: a vector of them goes along it, block by block.

The sums of a block are added up in float64: a long sum in float32 would stop growing.
"""

from collections.abc import Mapping

from sympy import sympify

from gradscribe.codegen.loops.nest import Nest
from gradscribe.codegen.loops.text.c_function import LONG, ROW
from gradscribe.codegen.loops.writing.body import LOOPED
from gradscribe.codegen.loops.writing.loop_writer import Base, Writer
from gradscribe.codegen.python.expression import Binary, Expression, Literal, Name, Part, Unary, call
from gradscribe.codegen.python.statement import Assign, Do
from gradscribe.derive.ir.reductions import REDUCTIONS
from gradscribe.derive.ir.term import Access

BLOCK = 4096
"""Elements of a row that are added up in the type of the arrays."""


def lanes(w: Writer) -> Name:
    """Memory for the sums that go along rows."""
    sums = w.name("sums")
    w.scratch(ROW, sums, "REAL", Name("LANES"))
    return sums


def sum_row(w: Writer, nest: Nest, bases: Mapping[Access, Base], sums: Name, total: Name) -> None:
    """Write the sum of a row, in the variable `total`, to its element."""
    how = LOOPED[nest.op]
    empty = w.number(sympify(REDUCTIONS[nest.op].identity, strict=True))  # a number, never a text
    w.new(Name("double" if how.operator else "REAL"), total, empty)
    length, block, lane = w.integer(nest.vector.extent), w.name("block"), w.name("lane")
    blocks = Binary("/", Binary("+", length, Literal(BLOCK - 1)), Literal(BLOCK))
    with w.upto(block, blocks):
        with w.upto(lane, Name("LANES")):
            w.let(Part(sums, (lane,)), empty)
        low, high = w.name("low"), w.name("high")
        w.new(LONG, low, Binary("*", block, Literal(BLOCK)))
        w.new(LONG, high, call("min", Binary("+", low, Literal(BLOCK)), length))
        with w.along(low, high):
            w.put(Do(call(how.into, sums, w.value(nest.body, bases, {}))))
        with w.upto(lane, Name("LANES")):
            if how.operator:
                w.add(total, Part(sums, (lane,)))
            else:
                w.put(Do(call(how.into, Unary("&", total), Part(sums, (lane,)))))
    found: Expression = total if nest.after == 1 else Binary("*", total, w.scalar(nest.after, bases))
    element = w.element(nest.target, bases[Access(nest.target, *nest.place)], {})
    w.put(Assign(element, found, "+=" if nest.adds else "="))
