"""Windows add to positions that they share, two taps at a time; rows of the target are set to 0 when first reached."""

from dataclasses import dataclass

import sympy
from sympy import Expr, Integer, Mul, Symbol

from gradscribe.codegen.nest.gather import flattened
from gradscribe.codegen.nest.writer import SCALE, Writer
from gradscribe.derive.functions import is_indicator
from gradscribe.derive.index import affine, sign
from gradscribe.derive.term import Access, Range, accesses


def write(w: Writer) -> Expr:
    """Write the loops; returns the extent that is divided into parts."""
    nest = w.nest
    body = _body(w)
    first = nest.outer[0].index
    apart = nest.place[0] == first and not any(first in e.free_symbols for e in nest.place[1:])
    apart = apart and nest.outer[0].extent == w.shapes[nest.target][0]
    if body.row is not None:
        w.line(f"{body.row.tensor} = np.empty({w.integer(nest.vector.extent)}, {nest.target}.dtype)")
    with w.block(f"for {w.index(first) if apart else w.name('_')} in range({w.name('start')}, {w.name('stop')}):"):
        rest = nest.outer[1:] if apart else nest.outer
        gradually = bool(rest) and _grows(w, rest[0].index, apart)
        axis = int(apart)
        if gradually:
            w.line(f"{w.name('filled')} = 0")
        else:
            _fill(w, axis, "0", w.integer(w.shapes[nest.target][axis]), Mul(*w.shapes[nest.target][axis + 1 :]))
        _loops(w, rest, {first} if apart else set(), axis if gradually else None, body)
        if gradually:
            extent = w.integer(w.shapes[nest.target][axis])
            _fill(w, axis, w.name("filled"), extent, Mul(*w.shapes[nest.target][axis + 1 :]))
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
    name = w.name("common")
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


def _fill(w: Writer, axis: int, start: str, stop: str, width: Expr) -> None:
    """Set rows of the target to 0."""
    extent = w.integer(w.shapes[w.nest.target][axis], 2)
    first = f"{w.index(w.nest.outer[0].index)} * {extent} + " if axis else ""
    wide = f" * {w.integer(width, 2)}" if width != 1 else ""
    low, high = (f"np.uintp(({first}{end}){wide})" if first or wide else f"np.uintp({end})" for end in (start, stop))
    with w.block(f"for {w.name('element')} in range({low}, {high}):"):
        w.line(f"{w.nest.target}[{w.name('element')}] = {w.number(Integer(0))}")


def _loops(w: Writer, rest: tuple[Range, ...], bound: set[Symbol], axis: int | None, body: _Body) -> None:
    """The outer loops, then those over taps."""
    nest = w.nest
    taps = [t.index for t in nest.taps]
    done = _clips(w, taps, bound, set())
    depth = w.depth
    last = rest[-1].index if rest else None
    inside: tuple[str, str] | None = None
    for k, r in enumerate(rest):
        found = w.whole(r.index, tuple(taps[-1:])) if r.index == last and taps[-1] not in done else ()
        if found and w.windows and _alone(w, r.index, taps[-1]):
            inside = w.name(f"{r.index.name}_first", "first"), w.name(f"{r.index.name}_last", "last")
            w.limits(r.index, found, inside)
        w.line(f"for {w.index(r.index)} in range({w.integer(r.extent)}):")
        w.depth += 1
        bound = bound | {r.index}
        if k == 0 and axis is not None:
            _reach(w, axis)
        if inside and r.index == last:
            low, high = w.limited(taps[-1])
            with w.block(f"if {inside[0]} <= {w.index(r.index)} < {inside[1]}:"):
                w.line(f"{low}, {high} = 0, {w.integer(w.extents[taps[-1]])}")
            with w.block("else:"):
                w.clip(taps[-1])
            done = done | {taps[-1]}
        done = done | _clips(w, taps, bound, done)
    _before(w, body)
    for tap in taps[:-1]:
        if tap not in done:
            w.clip(tap)
        w.line(f"for {w.index(tap)} in range({w.span(tap)}):")
        w.depth += 1
    if taps[-1] not in done:
        w.clip(taps[-1])
    _pairs(w, taps[-1], body.value)
    w.depth = depth


def _alone(w: Writer, outer: Symbol, tap: Symbol) -> bool:
    """Whether the range of `tap` depends on nothing but `outer`."""
    return all(c.rest.free_symbols & w.indices <= {outer} for c in w.clips(tap))


def _clips(w: Writer, taps: list[Symbol], bound: set[Symbol], done: set[Symbol]) -> set[Symbol]:
    """Write the ranges of taps that are known by now."""
    found = {v for v in taps if v not in done and w.known(v, bound)}
    for v in taps:
        if v in found:
            w.clip(v)
    return found


def _reach(w: Writer, axis: int) -> None:
    """Set to 0 what windows reach for the first time."""
    nest = w.nest
    shape = w.shapes[nest.target]
    ends: dict[Expr, Expr] = {v: w.extents[v] - 1 for v in w.nest_taps}
    reach = sympy.expand(nest.place[axis].xreplace(ends) + 1)
    filled, name = w.name("filled"), w.name("reached")
    w.line(f"{name} = max({filled}, min({w.integer(shape[axis])}, {w.integer(reach)}))")
    _fill(w, axis, filled, name, Mul(*shape[axis + 1 :]))
    w.line(f"{filled} = {name}")


def _before(w: Writer, body: _Body) -> None:
    """Compute what all taps of a window have in common."""
    if body.scale != 1:
        bases = w.bases(body.scale)
        w.line(f"{w.number(SCALE)} = {w.value(body.scale, bases, {})}")
    if body.row is not None:
        bases, c = w.bases(body.common), w.index(w.nest.vector.index)
        with w.block(f"for {c} in range({w.unsigned(w.nest.vector.extent)}):"):
            w.line(f"{body.row.tensor}[{c}] = {w.value(body.common, bases, {})}")


def _pairs(w: Writer, tap: Symbol, body: Expr) -> None:
    """The last tap, several at a time."""
    t = w.index(tap)
    if w.clips(w.nest.vector.index):
        with w.block(f"for {t} in range({w.span(tap)}):"):
            w.clip(w.nest.vector.index)
            _add(w, tap, body, 1)
        return
    low, high = w.limited(tap) if w.clips(tap) else ("0", w.integer(w.extents[tap]))
    w.line(f"{t} = {low}")
    with w.block(f"while {t} < {high}:"):
        for number in AT_ONCE:
            word = "if" if number == AT_ONCE[0] else "elif"
            with w.block("else:" if number == 1 else f"{word} {t} <= {high} - {number}:"):
                _add(w, tap, body, number)
                w.line(f"{t} += {number}")


def _add(w: Writer, tap: Symbol, body: Expr, number: int) -> None:
    target, bases = w.base((tap,)), w.bases(body, (), (tap,))
    with w.block(w.vector_head()):
        for k in range(number):
            moved = {tap: Integer(k)}
            w.add(f"{w.nest.target}[{w.element(target, moved)}]", w.value(body, bases, moved))
