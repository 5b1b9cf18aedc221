"""The innermost loop goes along what is summed, in vectors of sums that are added up behind it.

Sums of a row are added to those of others, and these go to float64 every now and then: a long sum in float32 would stop
growing.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from sympy import Expr, Integer, Symbol

from gradscribe.codegen.loops.kinds.part_sums import ROWS
from gradscribe.codegen.loops.kinds.passes.row_sums import BLOCK
from gradscribe.codegen.loops.kinds.sums.result_loops import add_all, conditions, over_results, sums
from gradscribe.codegen.loops.text.c_function import DOUBLE, FINAL_LONG, CIf, Count
from gradscribe.codegen.loops.text.vectors import REALS
from gradscribe.codegen.loops.writing.loop_writer import Writer
from gradscribe.codegen.python.expression import Binary, Literal, Name, call, every
from gradscribe.codegen.python.scalars.scalar import ZERO
from gradscribe.codegen.python.statement import Assign, Do

Last = tuple[Symbol, ...]
"""The index along which elements are neighbours, if there is one."""


def write(w: Writer) -> Expr:
    """Write the loops; returns the extent that is divided into parts."""
    return over_results(w, (*w.nest.taps, w.nest.vector), partial(_elements, w))


def _elements(w: Writer, last: Last, number: int) -> None:
    """Elements of the target, neighbours along the `last` index."""
    tests = conditions(w, (*w.nest.taps, w.nest.vector))
    with w.apart() as body:
        totals = sums(w, DOUBLE, "total", w.number(Integer(0)), number)
        _sum(w, last, totals)
        _store(w, last, totals)
    if not tests:
        w.put(*body)
        return
    with w.apart() as nothing:  # what is added to lies outside of the target where a test is false
        if not w.nest.adds:
            target = w.base(last)
            for k in range(number):
                w.let(w.element(w.nest.target, target, dict.fromkeys(last, Integer(k))), w.number(Integer(0)))
    w.put(CIf(every(tests), tuple(body), tuple(nothing)))


def _store(w: Writer, last: Last, totals: Sequence[Name]) -> None:
    nest, target = w.nest, w.base(last)
    afters = w.bases(nest.after, (), last, "after")
    for k, total in enumerate(totals):
        moved = dict.fromkeys(last, Integer(k))
        found = total if nest.after == 1 else Binary("*", total, w.scalar(nest.after, afters, moved))
        w.put(Assign(w.element(nest.target, target, moved), found, "+=" if nest.adds else "="))


def _sum(w: Writer, last: Last, totals: Sequence[Name]) -> None:
    """Add all summands to the totals, some rows at a time."""
    if not w.nest.taps:
        _row(w, last, len(totals), lambda found: _finish(w, totals, found))
        return
    first, *rest = (r.index for r in w.nest.taps)
    some = w.name(f"{first.name}_from", "some")
    w.clip(first)
    low, high = w.span(first)
    with w.apart() as body:
        lanes = sums(w, REALS, "lanes", call("all", ZERO), len(totals))
        with ExitStack() as loops:
            loops.enter_context(w.loop(w.index(first), some, call("min", Binary("+", some, Literal(ROWS)), high)))
            for tap in rest:
                w.clip(tap)
                loops.enter_context(w.loop(w.index(tap), *w.span(tap)))
            _row(w, last, len(totals), lambda found: add_all(w, lanes, found))
        _finish(w, totals, lanes)
    w.put(Count(some, low, high, tuple(body), step=ROWS))


def _finish(w: Writer, totals: Sequence[Name], lanes: Sequence[Name]) -> None:
    """Add vectors of sums to the totals."""
    add_all(w, totals, (call("sum_of", found) for found in lanes))


def _row(w: Writer, last: Last, number: int, add: Callable[[Sequence[Name]], None]) -> None:
    """Sum up one row for each element, block by block, and `add` what a block has."""
    start, stop = w.name("low"), w.name("high")
    bases = w.bases(w.nest.body, (), last)
    w.clip(w.nest.vector.index)
    low, high = w.span(w.nest.vector.index)
    with w.apart() as block:
        w.new(FINAL_LONG, stop, call("min", Binary("+", start, Literal(BLOCK)), high))
        found = sums(w, REALS, "row_sums", call("all", ZERO), number)
        with w.along(start, stop, ""):
            for k, one in enumerate(found):
                w.put(Do(call("add_to", one, w.value(w.nest.body, bases, dict.fromkeys(last, Integer(k))))))
        add(found)
    w.put(Count(start, low, high, tuple(block), step=BLOCK))
