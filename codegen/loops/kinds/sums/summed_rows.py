"""The innermost loop goes along what is summed, in vectors of sums that are added up behind it.

Sums of a row are added to those of others, and these go to float64 every now and then: a long sum in float32 would stop
growing.
"""

from collections.abc import Callable
from contextlib import ExitStack

from sympy import Expr, Integer

from gradscribe.codegen.loops.kinds.part_sums import ROWS
from gradscribe.codegen.loops.kinds.passes.row_sums import BLOCK
from gradscribe.codegen.loops.kinds.sums.result_loops import conditions, divided, rows
from gradscribe.codegen.loops.text.c_function import DOUBLE, FINAL_LONG, CIf, Count
from gradscribe.codegen.loops.text.vectors import REALS
from gradscribe.codegen.loops.writing.loop_writer import Writer
from gradscribe.codegen.python.expression import Binary, Literal, Name, call, every
from gradscribe.codegen.python.scalars.scalar import ZERO
from gradscribe.codegen.python.statement import Assign, Do


def write(w: Writer) -> Expr:
    """Write the loops; returns the extent that is divided into parts."""
    total = w.name("total")
    with rows(w) as (last, limits), w.loop(last, *limits):
        w.new(DOUBLE, total, w.number(Integer(0)))
        tests = conditions(w, (*w.nest.taps, w.nest.vector))
        with w.apart() as sums:
            _sum(w, total)
        w.put(*([CIf(every(tests), tuple(sums))] if tests else sums))
        _store(w, total)
    return divided(w)


def _store(w: Writer, total: Name) -> None:
    nest = w.nest
    value = total if nest.after == 1 else Binary("*", total, w.scalar(nest.after, w.bases(nest.after)))
    w.put(Assign(w.element(nest.target, w.base(), {}), value, "+=" if nest.adds else "="))


def _sum(w: Writer, total: Name) -> None:
    """Add all summands to the total, some rows at a time."""
    taps, lanes = [r.index for r in w.nest.taps], w.name("lanes")
    if not taps:
        _row(w, lambda found: w.add(total, call("sum_of", found)))
        return
    first, *rest = taps
    some = w.name(f"{first.name}_from", "some")
    w.clip(first)
    low, high = w.span(first)
    with w.apart() as body:
        w.new(REALS, lanes, call("all", ZERO))
        with ExitStack() as loops:
            loops.enter_context(w.loop(w.index(first), some, call("min", Binary("+", some, Literal(ROWS)), high)))
            for tap in rest:
                w.clip(tap)
                loops.enter_context(w.loop(w.index(tap), *w.span(tap)))
            _row(w, lambda found: w.add(lanes, found))
        w.add(total, call("sum_of", lanes))
    w.put(Count(some, low, high, tuple(body), step=ROWS))


def _row(w: Writer, add: Callable[[Name], None]) -> None:
    """Sum up one row, block by block, and `add` what a block has."""
    found, start, stop = w.name("row_sums"), w.name("low"), w.name("high")
    bases = w.bases(w.nest.body)
    w.clip(w.nest.vector.index)
    low, high = w.span(w.nest.vector.index)
    with w.apart() as block:
        w.new(FINAL_LONG, stop, call("min", Binary("+", start, Literal(BLOCK)), high))
        w.new(REALS, found, call("all", ZERO))
        with w.along(start, stop, ""):
            w.put(Do(call("add_to", found, w.value(w.nest.body, bases, {}))))
        add(found)
    w.put(Count(start, low, high, tuple(block), step=BLOCK))
