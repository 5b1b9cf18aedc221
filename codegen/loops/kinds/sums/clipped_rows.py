"""Rows of the target of which each summand reaches a part: they come together in memory, summand by summand.

Some summands are added up apart before they are added to the others: a long sum in float32 would stop growing.
"""

from contextlib import ExitStack

from sympy import Integer, Symbol

from gradscribe.codegen.loops.kinds.part_sums import ROWS
from gradscribe.codegen.loops.text.c_function import ROW, Count
from gradscribe.codegen.loops.writing.loop_writer import Base, Writer
from gradscribe.codegen.python.expression import Binary, Expression, Literal, Part, call


def is_clipped(w: Writer) -> bool:
    """Whether brackets restrict the innermost index, or indices of the sum by one another."""
    summed = w.nest_taps
    asked = [b.value.free_symbols for b in w.nest.brackets]
    return any(w.nest.vector.index in found or len(found & summed) > 1 for found in asked)


def before(w: Writer) -> None:
    """Write down the memory for what some summands are together."""
    w.scratch(ROW, w.name("some"), "REAL", w.integer(w.nest.vector.extent))


def write_row(w: Writer) -> None:
    """Write how a row is made."""
    nest, target = w.nest, w.base()
    if not nest.adds:
        with w.row():
            w.let(w.element(nest.target, target, {}), w.number(Integer(0)))
    if not nest.taps:
        _some(w, target, (), None)
        return
    first, *rest = (r.index for r in nest.taps)
    start = w.name(f"{first.name}_from", "some")
    w.clip(first)
    low, high = w.span(first)
    with w.apart() as body:
        _some(w, target, (first, *rest), (start, call("min", Binary("+", start, Literal(ROWS)), high)))
    w.put(Count(start, low, high, tuple(body), step=ROWS))


def _some(w: Writer, target: Base, taps: tuple[Symbol, ...], limits: tuple[Expression, Expression] | None) -> None:
    """Add some summands to the row: those of all taps, the first of which has limits here."""
    nest = w.nest
    some = Part(w.name("some"), (w.index(nest.vector.index),))
    with w.row():
        w.let(some, w.number(Integer(0)))
    with ExitStack() as loops:
        for k, tap in enumerate(taps):
            if k:
                w.clip(tap)
            loops.enter_context(w.loop(w.index(tap), *(limits if limits and not k else w.span(tap))))
        bases = w.bases(nest.body)
        w.clip(nest.vector.index)
        with w.vector():
            w.add(some, w.value(nest.body, bases, {}))
    afters = w.bases(nest.after)
    with w.row():
        found = some if nest.after == 1 else Binary("*", some, w.value(nest.after, afters, {}))
        w.add(w.element(nest.target, target, {}), found)
