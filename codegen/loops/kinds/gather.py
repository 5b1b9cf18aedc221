"""Every element of the target is the reduction of one window.

Where a window lies within the arrays as a whole, its elements stay in registers: the taps are unrolled, as their number
is known when the function is compiled. At the edges they are looped over.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from sympy import Expr, Integer, Symbol, Tuple, sympify

from gradscribe.codegen.loops.nest import Nest
from gradscribe.codegen.loops.text.c_function import (
    FINAL_LONG,
    FINAL_MASK,
    FINAL_REAL,
    INTEGER,
    LONG,
    REAL,
    CBody,
    CIf,
    CWhile,
    cases,
)
from gradscribe.codegen.loops.writing.body import LOOPED
from gradscribe.codegen.loops.writing.loop_writer import Base, Writer, extents, fit
from gradscribe.codegen.python.expression import (
    Binary,
    Choice,
    Comparison,
    Expression,
    Literal,
    Name,
    Part,
    Unary,
    call,
    chain,
    every,
)
from gradscribe.codegen.python.scalars.scalar import ZERO
from gradscribe.codegen.python.statement import Assign
from gradscribe.derive.ir.reductions import REDUCTIONS
from gradscribe.derive.ir.term import Access, accesses

BLOCK = 4
"""Neighbouring windows that are computed at once where they share a factor, such as the weights."""

MOST_TAPS = 9
"""Taps that are unrolled."""


def write(w: Writer) -> Expr:
    """Write the loops; returns the extent that is divided into parts."""
    nest = w.nest
    *rows, last = (r.index for r in nest.outer)
    with w.loop(outermost(w, rows), w.name("start"), w.name("stop")):
        separate(w, rows)
        _along(w, last, w.clip_known([t.index for t in nest.taps], rows))
    return flattened(w, rows)


def outermost(w: Writer, indices: Sequence[Symbol]) -> Name:
    """The index that goes over the outer indices together."""
    return w.index(indices[0]) if len(indices) == 1 else w.name("row")


def flattened(w: Writer, indices: Sequence[Symbol]) -> Expr:
    """The number of values that the outer indices have together."""
    return extents(r for r in w.nest.ranges if r.index in indices)


def separate(w: Writer, indices: Sequence[Symbol]) -> None:
    """Write the outer indices, given their common number."""
    if len(indices) < 2:
        return
    rest: Expression = w.name("row")
    for index in reversed(indices[1:]):
        extent = w.integer(w.extents[index])
        w.new(FINAL_LONG, w.index(index), Binary("%", rest, extent))
        rest = Binary("//", rest, extent)
    w.new(FINAL_LONG, w.index(indices[0]), rest)


def _along(w: Writer, last: Symbol, early: Sequence[Symbol]) -> None:
    """The loop along the innermost outer index."""
    nest = w.nest
    number = extents(nest.taps)
    late = [t.index for t in nest.taps if t.index not in early]
    j, length = w.index(last), w.integer(w.extents[last])
    if not w.windows or (number.is_Integer and int(number) > MOST_TAPS):
        with w.upto(j, length):
            _edge(w, last, late)
        return
    first, end = _whole(w, last, early)
    w.new(LONG, j, ZERO)
    ways: list[tuple[Expression, CBody]] = []
    for block in ([BLOCK] if _shares(nest, last) else []) + [1]:
        with w.apart() as window:
            _windows(w, last, block)
            w.add(j, Literal(block))
        ways.append((fit(j, end, block, first), tuple(window)))
    with w.apart() as edge:
        if first is not None:
            _edge(w, last, late)
            w.add(j, Literal(1))
    rest = tuple(edge)
    if first is None:
        rest = ways.pop()[1]  # the last one takes what is left
    w.put(CWhile(Comparison((j, length), ("<",)), cases(ways, rest)))


def _whole(w: Writer, last: Symbol, early: Sequence[Symbol]) -> tuple[Expression | None, Expression]:
    """Write from which to which value of `last` windows lie within the arrays; the first is None where all of them do.

    Taps have to be few; the ranges of the `early` ones are known.
    """
    length = w.integer(w.extents[last])
    tests = w.all_taps(early, MOST_TAPS)
    found = w.whole(last, tuple(t.index for t in w.nest.taps))
    first, end = w.between(last)
    if not found and not tests:
        return None, length
    if not found:
        w.new(FINAL_LONG, first, ZERO)
        w.new(FINAL_LONG, end, Choice(length, every(tests), ZERO))
        return first, end
    w.limits(last, found, (first, end), LONG)
    if tests:
        w.put(CIf(Unary("not", every(tests)), (Assign(end, first),)))
    return first, end


def _shares(nest: Nest, last: Symbol) -> bool:
    """Whether neighbouring windows have a factor with taps in common."""
    taps = {t.index for t in nest.taps}
    return bool(LOOPED[nest.op].operator) and any(
        a.free_symbols & taps and last not in a.free_symbols for a in accesses(nest.body)
    )


def _windows(w: Writer, last: Symbol, block: int = 1, whole: bool = True) -> None:
    """Windows side by side, element by element in registers; those that are not `whole` have ranges of taps."""
    nest = w.nest
    taps = tuple(t.index for t in nest.taps)
    target = w.base((last,))
    bases = w.bases(Tuple(nest.body, nest.after), taps, (last,))  # both may read one array
    with w.vector(again=True):
        windows = [_registers(w, k) for k in range(block)]
        for registers in windows:
            _declare(w, registers, _nothing(w))
        with w.taps(taps, whole):
            moved: dict[Symbol, Expr] = {v: v for v in taps}
            for k, registers in enumerate(windows):
                number = chain("+", [w.index(v) for v in taps])
                first = Comparison((number, ZERO), ("==",)) if whole else _none_yet(registers)
                _take(w, registers, w.value(nest.body, bases, moved | {last: Integer(k)}), first)
        for k, (best, *found) in enumerate(windows):
            ahead = {last: Integer(k)}
            w.lets(_elements(w, target, ahead), [_finished(w, best, bases, ahead), *found])


def _none_yet(registers: Sequence[Name]) -> Comparison:
    """Whether no tap has been taken; where positions are recorded."""
    return Comparison((registers[-1], ZERO), ("<",))


def _registers(w: Writer, number: int) -> list[Name]:
    """The variables that hold an element of the target, and its position where that is recorded."""
    end = f"_{number}" if number else ""
    word = "total" if LOOPED[w.nest.op].operator else "best"
    return [w.name(f"{word}{end}"), *([w.name(f"found{end}")] if w.nest.argument else [])]


def _declare(w: Writer, registers: Sequence[Name], values: Sequence[Expression]) -> None:
    for kind, register, value in zip((REAL, INTEGER), registers, values, strict=False):
        w.new(kind, register, value)


def _elements(w: Writer, target: Base, moved: Mapping[Symbol, Expr]) -> list[Part]:
    """The element of the target, and of the array of positions."""
    return [w.element(array, target, moved) for array in (w.nest.target, w.nest.argument) if array]


def _nothing(w: Writer) -> list[Expression]:
    """The reduction of no element, and its position."""
    none = sympify(REDUCTIONS[w.nest.op].identity, strict=True)  # a number, never a text
    return [w.number(none), *([Literal(-1)] if w.nest.argument else [])]


def _take(w: Writer, registers: Sequence[Name], value: Expression, first: Expression) -> None:
    """An element after one more tap: NaN wins, of equal ones the first, as in NumPy; `first` says it is the first."""
    row = LOOPED[w.nest.op]
    best, *found = registers
    if row.operator:
        w.add(best, value, row.operator)
        return
    new, better = w.name("value"), w.name("better")
    w.new(FINAL_REAL, new, value)
    wins = call(row.wins, new, best)
    if not found:
        w.let(best, Choice(new, wins, best))
        return
    w.new(FINAL_MASK, better, Binary("|", wins, call("when", first)))
    w.let(best, Choice(new, better, best))
    w.let(found[0], Choice(call("position", w.integer(w.nest.position)), better, found[0]))


def _finished(w: Writer, best: Expression, bases: Mapping[Access, Base], moved: Mapping[Symbol, Expr]) -> Expression:
    return best if w.nest.after == 1 else Binary("*", best, w.value(w.nest.after, bases, moved))


def _edge(w: Writer, last: Symbol, late: Sequence[Symbol]) -> None:
    """One window, without the taps that are outside of an array."""
    outer = [r.index for r in w.nest.outer]
    if w.windows and all(w.known(v, outer) for v in late):
        for v in late:
            w.clip(v)
        _windows(w, last, whole=False)
    else:
        _tap_by_tap(w, late)


def _tap_by_tap(w: Writer, late: Sequence[Symbol]) -> None:
    """One window whose taps depend on one another, or on the element: it is put together in the target."""
    nest = w.nest
    target = w.base()
    elements = _elements(w, target, {})
    with w.row():
        w.lets(elements, _nothing(w))
    with ExitStack() as loops:
        for tap in nest.taps:
            if tap.index in late:
                w.clip(tap.index)
            loops.enter_context(w.loop(w.index(tap.index), *w.span(tap.index)))
        bases = w.bases(nest.body)
        w.clip(nest.vector.index)
        with w.vector():
            value = w.value(nest.body, bases, {})
            if operator := LOOPED[nest.op].operator:
                w.add(elements[0], value, operator)
            else:
                registers = _registers(w, 0)
                _declare(w, registers, elements)
                _take(w, registers, value, _none_yet(registers))
                w.lets(elements, registers)
    if nest.after != 1:
        afters = w.bases(nest.after)
        with w.row():
            w.let(elements[0], _finished(w, elements[0], afters, {}))
