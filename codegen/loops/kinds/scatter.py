"""Windows add to positions that they share, two taps at a time; rows of the target are set to 0 when first reached."""

from contextlib import ExitStack
from dataclasses import dataclass

import sympy
from sympy import Expr, Integer, Mul, Symbol

from gradscribe.codegen.loops.kinds.gather import flattened
from gradscribe.codegen.loops.loop_writer import SCALE, Writer, fit, unsigned
from gradscribe.codegen.python.expression import Attribute, Binary, Expression, Items, Literal, Name, Part, call
from gradscribe.codegen.python.scalars.scalar import ZERO
from gradscribe.codegen.python.statement import Assign, Body, If, While, conditional
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
        dtype = Attribute(Name(nest.target), "dtype")
        w.let(Name(body.row.tensor), call("np.empty", w.integer(nest.vector.extent), dtype))
    with w.loop(w.index(first) if apart else w.name("_"), w.name("start"), w.name("stop")):
        rest = nest.outer[1:] if apart else nest.outer
        gradually = bool(rest) and _grows(w, rest[0].index, apart)
        axis = int(apart)
        rows = w.integer(w.shapes[nest.target][axis])
        if gradually:
            w.let(w.name("filled"), ZERO)
        else:
            _fill(w, axis, ZERO, rows)
        _loops(w, rest, {first} if apart else set(), axis if gradually else None, body)
        if gradually:
            _fill(w, axis, w.name("filled"), rows)
    return flattened(w, [first]) if apart else Integer(1)


AT_ONCE = 3, 2, 1
"""Taps whose sums are computed at once, so that what they share is read once."""


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
    name = w.name("common").text
    w.shapes[name] = (w.nest.vector.extent,)
    row = Access(name, vector)
    return _Body(scale, common, row, row * rest)


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
        return unsigned(Binary("*", row, w.integer(width)) if width != 1 else row)

    element = w.name("element")
    with w.loop(element, at(start), at(stop)):
        w.let(Part(Name(w.nest.target), (element,)), w.number(Integer(0)))


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
                w.limits(r.index, found, w.between(r.index))
            loops.enter_context(w.loop(w.index(r.index), w.integer(r.extent)))
            bound = bound | {r.index}
            if k == 0 and axis is not None:
                _reach(w, axis)
            if inside:
                _clip_inside(w, r.index, taps[-1])
                done.append(taps[-1])
            done += w.clip_known([v for v in taps if v not in done], bound)
        _before(w, body)
        for tap in taps[:-1]:
            if tap not in done:
                w.clip(tap)
            loops.enter_context(w.loop(w.index(tap), *w.span(tap)))
        if taps[-1] not in done:
            w.clip(taps[-1])
        _pairs(w, taps[-1], body.value)


def _clip_inside(w: Writer, outer: Symbol, tap: Symbol) -> None:
    """Write the range of a tap, which is whole where windows are."""
    first, end = w.between(outer)
    whole = Assign(Items(w.limited(tap)), Items((ZERO, w.integer(w.extents[tap]))))
    with w.apart() as edge:
        w.clip(tap)
    w.put(If(fit(w.index(outer), end, 1, first), (whole,), tuple(edge)))


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
    w.let(name, call("max", filled, rows))
    _fill(w, axis, filled, name)
    w.let(filled, name)


def _before(w: Writer, body: _Body) -> None:
    """Compute what all taps of a window have in common."""
    if body.scale != 1:
        bases = w.bases(body.scale)
        w.let(w.number(SCALE), w.value(body.scale, bases, {}))
    if body.row is not None:
        bases, c = w.bases(body.common), w.index(w.nest.vector.index)
        with w.row():
            w.let(Part(Name(body.row.tensor), (c,)), w.value(body.common, bases, {}))


def _pairs(w: Writer, tap: Symbol, body: Expr) -> None:
    """The last tap, several at a time."""
    t = w.index(tap)
    if w.clips(w.nest.vector.index):
        with w.loop(t, *w.span(tap)):
            w.clip(w.nest.vector.index)
            _add(w, tap, body, 1)
        return
    low, high = w.limited(tap) if w.clips(tap) else (ZERO, w.integer(w.extents[tap]))
    w.let(t, low)
    cases: list[tuple[Expression, Body]] = []
    for number in AT_ONCE:
        if not _fewer(w.extents[tap], number):
            with w.apart() as several:
                _add(w, tap, body, number)
                w.add(t, Literal(number))
            cases.append((fit(t, high, number), tuple(several)))
    *more, (_, one) = cases  # the last one takes what is left
    w.put(While(fit(t, high), conditional(more, one)))


def _fewer(taps: Expr, number: int) -> bool:
    """Whether there are known to be fewer taps than `number`, and more than none."""
    return bool(taps.is_Integer and 1 <= taps < number)


def _add(w: Writer, tap: Symbol, body: Expr, number: int) -> None:
    target, bases = w.base((tap,)), w.bases(body, (), (tap,))
    with w.vector():
        for k in range(number):
            moved = {tap: Integer(k)}
            value = w.value(body, bases, moved)
            w.add(w.element(w.nest.target, target, moved), value)
