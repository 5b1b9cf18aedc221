"""Windows add to positions that they share; rows of the target are set to 0 when first reached.

Where they lie side by side and cover the target, each element is that of one window, and nothing is added.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import sympy
from sympy import Expr, Integer, Mul, Symbol

from gradscribe.codegen.loops.kinds.gather import flattened
from gradscribe.codegen.loops.text.c_function import FINAL_LONG, FINAL_REAL, LONG, ROW, CIf
from gradscribe.codegen.loops.writing.loop_writer import COMMON, SCALE, Writer, fit
from gradscribe.codegen.python.expression import Binary, Expression, Part, Unary, call, every
from gradscribe.codegen.python.scalars.scalar import ZERO
from gradscribe.derive.ir.functions import is_indicator
from gradscribe.derive.ir.index import affine, sign
from gradscribe.derive.ir.term import Access, Range, accesses


def write(w: Writer) -> Expr:
    """Write the loops; returns the extent that is divided into parts."""
    nest = w.nest
    body = _body(w)
    first = nest.outer[0].index
    apart = nest.place[0] == first and not any(first in e.free_symbols for e in nest.place[1:])
    apart = apart and nest.outer[0].extent == w.shapes[nest.target][0]
    if body.row is not None:
        w.scratch(ROW, w.array(body.row.tensor), "REAL", w.integer(nest.vector.extent))
    with w.loop(w.index(first) if apart else w.name("_"), w.name("start"), w.name("stop")):
        rest = nest.outer[1:] if apart else nest.outer
        if apart and _tiles(w):
            _loops(w, rest, {first}, None, body)
            return flattened(w, [first])
        gradually = bool(rest) and _grows(w, rest[0].index, apart)
        axis = int(apart)
        rows = w.integer(w.shapes[nest.target][axis])
        if gradually:
            w.new(LONG, w.name("filled"), ZERO)
        else:
            _fill(w, axis, ZERO, rows)
        _loops(w, rest, {first} if apart else set(), axis if gradually else None, body)
        if gradually:
            _fill(w, axis, w.name("filled"), rows)
    return flattened(w, [first]) if apart else Integer(1)


MOST_TAPS = 16
"""Taps that are unrolled."""


@dataclass(frozen=True)
class _Body:
    """What a window adds: a `scale` that is one number per window, times `value`.

    `row` holds what all taps of the window have in common, `common`, where that takes computing.
    """

    scale: Expr
    common: Expr
    row: Access | None
    value: Expr


def _body(w: Writer) -> _Body:
    vector, factors = w.nest.vector.index, Mul.make_args(w.nest.body)
    still = [f for f in factors if not f.free_symbols & w.nest_taps]
    scale = Mul(*(f for f in still if vector not in f.free_symbols))
    common = Mul(*(f for f in still if vector in f.free_symbols))
    if any(is_indicator(f) for f in factors):
        return _Body(Integer(1), common, None, w.nest.body)
    rest = Mul(*(f for f in factors if f not in still))
    if not any(a.indices for a in accesses(scale)):
        rest, scale = rest * scale, Integer(1)
    elif scale != 1:
        rest *= SCALE
    if isinstance(common, Access) or common == 1:
        return _Body(scale, common, None, common * rest)
    w.shapes[COMMON] = (w.nest.vector.extent,)
    row = Access(COMMON, vector)
    return _Body(scale, common, row, row * rest)


def _tiles(w: Writer) -> bool:
    """Whether windows lie side by side and cover the target: i of I and r of R in an axis of I R elements, R i + r."""
    found: list[Symbol] = []
    for place, size in zip(w.nest.place, w.shapes[w.nest.target], strict=True):
        reached = Integer(1)
        parts = affine(place, w.order)
        for v, step in sorted(parts.terms, key=lambda term: term[0] not in w.nest_taps):
            if step != reached:
                return False
            reached *= w.extents[v]
            found.append(v)
        if parts.offset != 0 or reached != size:
            return False
    return not w.nest.brackets and len(found) == len(set(found)) and {*found} == {*w.extents}


def _grows(w: Writer, index: Symbol, apart: bool) -> bool:
    """Whether the windows move along the rows of the target with `index`."""
    place = w.nest.place
    if len(place) <= int(apart):
        return False
    parts = affine(place[int(apart)], w.order)
    return index in parts.indices and all(sign(c) > 0 and (v == index or v in w.nest_taps) for v, c in parts.terms)


def _fill(w: Writer, axis: int, start: Expression, stop: Expression) -> None:
    """Set rows of the target to 0."""
    shape = w.shapes[w.nest.target]
    width = Mul(*shape[axis + 1 :])

    def at(row: Expression) -> Expression:
        if axis:
            row = Binary("+", Binary("*", w.index(w.nest.outer[0].index), w.integer(shape[axis])), row)
        return Binary("*", row, w.integer(width)) if width != 1 else row

    element = w.name("element")
    with w.loop(element, at(start), at(stop)):
        w.let(Part(w.array(w.nest.target), (element,)), w.number(Integer(0)))


def _loops(w: Writer, rest: tuple[Range, ...], bound: set[Symbol], axis: int | None, body: _Body) -> None:
    """The outer loops, then those over taps."""
    taps = [t.index for t in w.nest.taps]
    done = w.clip_known(taps, bound)
    last = rest[-1].index if rest else None
    with ExitStack() as loops:
        for k, r in enumerate(rest):
            found = w.whole(r.index, tuple(taps[-1:])) if r.index == last and taps[-1] not in done else ()
            inside = bool(found) and w.windows and _alone(w, r.index, taps[-1])
            if inside:
                w.limits(r.index, found, w.between(r.index), FINAL_LONG)
            loops.enter_context(w.upto(w.index(r.index), w.integer(r.extent)))
            bound = bound | {r.index}
            if k == 0 and axis is not None:
                _reach(w, axis)
            if inside:
                _clip_inside(w, r.index, taps[-1])
                done.append(taps[-1])
            done += w.clip_known([v for v in taps if v not in done], bound)
        _before(w, body)
        _window(w, body, done)


def _window(w: Writer, body: _Body, done: Sequence[Symbol]) -> None:
    """What one window adds, element by element where the ranges of all taps are `done`."""
    taps = [t.index for t in w.nest.taps]
    if not w.windows or set(taps) - set(done):
        _tap_by_tap(w, body, done)
        return
    with w.apart() as whole:
        _elements(w, body, True)
    tests = w.all_taps(taps, MOST_TAPS)
    if not tests:
        w.put(*whole)
        return
    with w.apart() as edge:
        _elements(w, body, False)
    w.put(CIf(every(tests), tuple(whole), tuple(edge)))


def _elements(w: Writer, body: _Body, whole: bool) -> None:
    """A window that is `whole`, or one whose taps have ranges."""
    taps = tuple(t.index for t in w.nest.taps)
    target, bases = w.base((), taps), w.bases(body.value, taps)
    tiles = _tiles(w)
    with w.vector(again=tiles), w.taps(taps, whole):
        moved: dict[Symbol, Expr] = {v: v for v in taps}
        value, element = w.value(body.value, bases, moved), w.element(w.nest.target, target, moved)
        if tiles:
            w.let(element, value)
        else:
            w.add(element, value)


def _tap_by_tap(w: Writer, body: _Body, done: Sequence[Symbol]) -> None:
    """A window whose taps depend on one another, or on the element."""
    with ExitStack() as loops:
        for tap in (t.index for t in w.nest.taps):
            if tap not in done:
                w.clip(tap)
            loops.enter_context(w.loop(w.index(tap), *w.span(tap)))
        target, bases = w.base(), w.bases(body.value)
        w.clip(w.nest.vector.index)
        with w.vector():
            value = w.value(body.value, bases, {})
            w.add(w.element(w.nest.target, target, {}), value)


def _clip_inside(w: Writer, outer: Symbol, tap: Symbol) -> None:
    """Write the range of a tap, which is whole where windows are."""
    low, high = w.limited(tap)
    w.new(LONG, low, ZERO)
    w.new(LONG, high, w.integer(w.extents[tap]))
    first, end = w.between(outer)
    with w.apart() as edge:
        w.narrow(tap, (low, high))
    w.put(CIf(Unary("not", fit(w.index(outer), end, 1, first)), tuple(edge)))


def _alone(w: Writer, outer: Symbol, tap: Symbol) -> bool:
    """Whether the range of `tap` depends on nothing but `outer`."""
    return all(c.rest.free_symbols & w.indices <= {outer} for c in w.clips(tap))


def _reach(w: Writer, axis: int) -> None:
    """Set to 0 what windows reach for the first time."""
    nest = w.nest
    ends: dict[Expr, Expr] = {v: w.extents[v] - 1 for v in w.nest_taps}
    reach = sympy.expand(nest.place[axis].xreplace(ends) + 1)
    filled, name = w.name("filled"), w.name("reached")
    rows = call("min", w.integer(w.shapes[nest.target][axis]), w.integer(reach))
    w.new(FINAL_LONG, name, call("max", filled, rows))
    _fill(w, axis, filled, name)
    w.let(filled, name)


def _before(w: Writer, body: _Body) -> None:
    """Compute what all taps of a window have in common."""
    if body.scale != 1:
        bases = w.bases(body.scale)
        w.new(FINAL_REAL, w.name("scale", "number"), w.value(body.scale, bases, {}))
    if body.row is not None:
        bases, c = w.bases(body.common), w.index(w.nest.vector.index)
        with w.along(ZERO, w.integer(w.nest.vector.extent)):
            w.let(Part(w.array(body.row.tensor), (c,)), w.value(body.common, bases, {}))
