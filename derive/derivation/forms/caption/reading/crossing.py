"""Where windows slide: the index of the result and the summed one at a place, and which operand they slide over."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sympy import Integer, Symbol

from gradscribe.derive.derivation.forms.caption.reading.axis_places import Place, digits
from gradscribe.derive.derivation.forms.caption.reading.factor_reading import Reading
from gradscribe.derive.derivation.forms.caption.reading.grid import Grid
from gradscribe.derive.ir.index import Affine, sign

ZERO, ONE = Integer(0), Integer(1)


def crossing_of(p: Place, rows: Grid, readings: Sequence[Reading]) -> tuple[Symbol, Symbol] | None:
    """The index of the result and the summed one at a place in a window; None where no window slides there."""
    at = [v for v in p.labels if v not in rows.bound]
    taps = [v for v in p.labels if v in rows.bound]
    if len(at) != 1 or len(taps) != 1 or p.times != 1:
        return None
    reading = sum(at[0] in q.labels for r in readings for q in r.every)
    split = reading > 1 and digits(p, rows.extents) is not None
    return None if split else (at[0], taps[0])


def exchanged(readings: Sequence[Reading], rows: Grid) -> tuple[list[Reading], Grid]:
    """``sum of a[b r - s q + o] w[r]`` as windows of w, whose elements are put b apart: w[s q + m - o] a[m].

    So a sum that runs against the windows of one operand is one that runs with those of the other.
    """
    sliding = [r for r in readings if any(crossing_of(p, rows, readings) for p in r.every)]
    crossing = {p: pair for r in sliding for p in r.every if (pair := crossing_of(p, rows, readings))}
    taps = {tap: p for p, (_, tap) in crossing.items()}
    using = [r for r in readings if r not in sliding and r.labels & set(taps)]
    against = all(sign(p.form.coefficient(at)) < 0 < sign(p.form.coefficient(tap)) for p, (at, tap) in crossing.items())
    alone = len(sliding) == len(using) == 1 and len(taps) == len(crossing) and not using[0].labels & _at(crossing)
    plain = (
        {p: v for p in using[0].every if (v := p.form.plain()) in taps and p.spread == p.times == 1} if alone else {}
    )
    whole = all(rows.extents[v] == p.length for p, v in plain.items())
    if not (alone and against and whole and sorted(plain.values(), key=str) == sorted(taps, key=str)):
        return list(readings), rows

    def moved(p: Place) -> Place:
        tap = plain.get(p)
        if tap is None:
            return p
        other = taps[tap]
        at, _ = crossing[other]
        terms = ((at, -other.form.coefficient(at)), (tap, other.spread))
        return Place(Affine(-other.form.offset, terms), p.length, other.form.coefficient(tap))

    def still(p: Place) -> Place:
        return Place(Affine(ZERO, ((crossing[p][1], ONE),)), p.length) if p in crossing else p

    changed = [r.each(moved if r is using[0] else still if r is sliding[0] else lambda p: p) for r in readings]
    return changed, replace(rows, extents={**rows.extents, **{tap: p.length for tap, p in taps.items()}})


def _at(crossing: Mapping[Place, tuple[Symbol, Symbol]]) -> set[Symbol]:
    return {at for at, _ in crossing.values()}
