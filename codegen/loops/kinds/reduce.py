"""Every element of the target is a sum over all windows: the gradient of weights that are no matrix.

Each value of the outermost index has sums of its own, so that parts do not write the same ones. They stay in cache
while windows pass by, several at a time, and go to float64 every now and then: a long sum in float32 would stop
growing.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from sympy import Expr, Integer, Symbol

from gradscribe.codegen.loops.kinds.part_sums import ROWS, own_sums, second_sweep
from gradscribe.codegen.loops.text.c_function import (
    FINAL_LONG,
    LONG,
    REAL,
    ROW,
    UNROLLED,
    CBody,
    CIf,
    CStatement,
    CWhile,
    cases,
)
from gradscribe.codegen.loops.writing.loop_writer import Writer, fit
from gradscribe.codegen.python.expression import Binary, Comparison, Expression, Literal, Name, Part
from gradscribe.codegen.python.scalars.scalar import ZERO
from gradscribe.codegen.python.statement import Assign
from gradscribe.derive.ir.term import Range

BLOCKS = 8, 1
"""Neighbouring windows that are added at once."""

MOST_TAPS = 4
"""Taps that are unrolled."""


def write(w: Writer) -> Expr:
    """Write the loops; returns the extent that is divided into parts."""
    nest = w.nest
    first, *middle, last = nest.outer
    zero = w.number(Integer(0))
    second_sweep(w, first, _size(w), lambda parts: _each(w, lambda element, at: [Assign(element, Part(parts, (at,)))]))
    running = w.name("running")
    w.scratch(ROW, running, "REAL", w.integer(_size(w)))
    w.memory[nest.target] = running
    with w.loop(w.index(first.index), w.name("start"), w.name("stop")):
        sums = own_sums(w, first)
        _each(w, lambda element, at: [Assign(Part(sums, (at,)), zero), Assign(element, zero)])
        with ExitStack() as loops:
            bound, outer_taps = {first.index}, [r.index for r in nest.taps[:-1]]
            done = w.clip_known(outer_taps, bound)
            for k, r in enumerate(middle):
                loops.enter_context(w.upto(w.index(r.index), w.integer(r.extent)))
                bound.add(r.index)
                if k == 0:
                    _empty(w, sums, r.index)
                done += w.clip_known([v for v in outer_taps if v not in done], bound)
            for v in outer_taps:
                loops.enter_context(w.loop(w.index(v), *w.span(v)))
            _along(w, last, nest.taps[-1])
        _each(w, lambda element, at: [Assign(Part(sums, (at,)), element, "+=")])
    del w.memory[nest.target]
    return first.extent


def _empty(w: Writer, sums: Name, row: Symbol) -> None:
    """Add what has come together to the sums, every now and then."""
    with w.apart() as body:
        zero = w.number(Integer(0))
        _each(w, lambda element, at: [Assign(Part(sums, (at,)), element, "+="), Assign(element, zero)])
    turn = Comparison((Binary("%", w.index(row), Literal(ROWS)), Literal(ROWS - 1)), ("==",))
    w.put(CIf(turn, tuple(body)))


def _size(w: Writer) -> Expr:
    """The number of sums."""
    size: Expr = w.nest.vector.extent
    for r in w.nest.taps:
        size *= r.extent
    return size


def _each(w: Writer, statements: Callable[[Part, Expression], Sequence[CStatement]]) -> None:
    """Do something with every sum, given the element of the target and its number."""
    number: Expr = Integer(0)
    for r in w.nest.taps:
        number = number * r.extent + r.index
    at = w.name("sums_at")
    with w.loops(w.nest.taps):
        target = w.base()
        w.new(FINAL_LONG, at, w.integer(number * w.nest.vector.extent))
        with w.row():
            place = Binary("+", at, w.index(w.nest.vector.index))
            w.put(*statements(w.element(w.nest.target, target, {}), place))


def _along(w: Writer, last: Range, tap: Range) -> None:
    """The loop along the innermost outer index."""
    j, length = w.index(last.index), w.integer(last.extent)
    unrolled = not tap.extent.is_Integer or int(tap.extent) <= MOST_TAPS
    if not unrolled or not w.windows:
        with w.upto(j, length):
            _one(w, tap)
        return
    found = w.whole(last.index, (tap.index,))
    first, end = w.between(last.index)
    if found:
        w.limits(last.index, found, (first, end), LONG)
    else:
        w.new(LONG, first, ZERO)
        w.new(LONG, end, length)
    if not tap.extent.is_Integer:
        many = Comparison((w.integer(tap.extent), Literal(MOST_TAPS)), (">",))
        w.put(CIf(many, (Assign(end, first),)))
    w.new(LONG, j, ZERO)
    ways: list[tuple[Expression, CBody]] = []
    for block in BLOCKS:
        with w.apart() as windows:
            _several(w, last.index, tap, block)
            w.add(j, Literal(block))
        ways.append((fit(j, end, block, first), tuple(windows)))
    with w.apart() as edge:
        _one(w, tap)
        w.add(j, Literal(1))
    w.put(CWhile(fit(j, length), cases(ways, tuple(edge))))


def _several(w: Writer, last: Symbol, tap: Range, block: int) -> None:
    """Neighbouring windows, all taps."""
    target = w.base((), (tap.index,))
    bases = w.bases(w.nest.body, (tap.index,), (last,))
    with w.vector(), w.loops([tap], UNROLLED):
        moved: dict[Symbol, Expr] = {tap.index: tap.index}
        total = w.name("total")
        for k in range(block):
            value = w.value(w.nest.body, bases, moved | {last: Integer(k)})
            w.put(Assign(total, value, "+=" if k else "=", kind=None if k else REAL))
        w.add(w.element(w.nest.target, target, moved), total)


def _one(w: Writer, tap: Range) -> None:
    """One window, the taps that lie within the arrays."""
    w.clip(tap.index)
    with w.loop(w.index(tap.index), *w.span(tap.index)):
        target, bases = w.base(), w.bases(w.nest.body)
        w.clip(w.nest.vector.index)
        with w.vector():
            value = w.value(w.nest.body, bases, {})
            w.add(w.element(w.nest.target, target, {}), value)
