"""Every element of the target is the sum of a row: a vector of sums goes along it, block by block.

The sums of a block are added up in float64: a long sum in float32 would stop growing.
"""

from sympy import Expr, Integer

from gradscribe.codegen.loops.text.c_function import LONG, ROW, Count
from gradscribe.codegen.loops.writing.loop_writer import Writer
from gradscribe.codegen.python.expression import Binary, Literal, Name, Part, call
from gradscribe.codegen.python.scalars.scalar import ZERO
from gradscribe.codegen.python.statement import Assign, Do

BLOCK = 4096
"""Elements of a row that are added up in the type of the arrays."""


def write(w: Writer) -> Expr:
    """Write the loops; returns the extent that is divided into parts."""
    nest = w.nest
    first, *middle = nest.outer
    sums, total, block = w.name("sums"), w.name("total"), w.name("block")
    w.scratch(ROW, sums, "REAL", Name("LANES"))
    with w.loop(w.index(first.index), w.name("start"), w.name("stop")), w.loops(middle):
        target, bases = w.base(), w.bases(nest.body)
        w.new(Name("double"), total, w.number(Integer(0)))
        length = w.integer(nest.vector.extent)
        blocks = Binary("/", Binary("+", length, Literal(BLOCK - 1)), Literal(BLOCK))
        with w.upto(block, blocks):
            _each_lane(w, Assign(Part(sums, (w.name("lane"),)), w.number(Integer(0))))
            low, high = w.name("low"), w.name("high")
            w.new(LONG, low, Binary("*", block, Literal(BLOCK)))
            w.new(LONG, high, call("min", Binary("+", low, Literal(BLOCK)), length))
            with w.along(low, high):
                w.put(Do(call("add_to", sums, w.value(nest.body, bases, {}))))
            _each_lane(w, Assign(total, Part(sums, (w.name("lane"),)), "+="))
        w.let(w.element(nest.target, target, {}), total)
    return first.extent


def _each_lane(w: Writer, statement: Assign) -> None:
    w.put(Count(w.name("lane"), ZERO, Name("LANES"), (statement,)))
