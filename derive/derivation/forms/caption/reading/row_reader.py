"""Row -> Caption: what a collapsed row is called, read off the signs of its indices.

In an access index ``a*q + b*r + o`` with q free and r summed, equal signs of a and b make a correlation, opposite ones
a convolution; what is divided by a stride has zeros between its elements. No layer is known here. What has no name in
these terms has no caption.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sympy import Expr, Integer, Mul, Symbol, default_sort_key

from gradscribe.derive.calculus.collapse import vanishing_accesses
from gradscribe.derive.derivation.forms.caption.operation import (
    Caption,
    Digits,
    Fixed,
    Number,
    Operand,
    Product,
    Read,
    Window,
    labels_of,
)
from gradscribe.derive.derivation.forms.caption.reading.axis_places import Place, axis, digits, numbers, place, window
from gradscribe.derive.derivation.forms.caption.reading.grid import Grid, grid
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.record import Step
from gradscribe.derive.ir.functions import activation_prime, equal
from gradscribe.derive.ir.index import Affine, exact, sign
from gradscribe.derive.ir.term import Access, Program, Term, accesses

ZERO, ONE = Integer(0), Integer(1)


def caption(step: Step, program: Program) -> Caption | None:
    """The name of a row; None where a summand has none.

    Args:
        step: the row.
        program: what its tensors are.
    """
    where = dict(step.where)
    known = replace(program, sizes=tuple((symbol, e.xreplace(where)) for symbol, e in program.sizes))
    found = [product(t, step.notation, known) for t in step.terms]
    named = tuple(p for p in found if p is not None)
    return Caption(named) if named and len(named) == len(found) else None


def product(term: Term, notation: Notation, program: Program) -> Product | None:
    """One summand; None where it is no product of operands whose axes are read as `Axis` has it."""
    if not term.is_sum or term.deltas or term.guards or not _divided(term):
        return None
    rows = grid(term)
    parts = [f.primitive() if f.is_Add else (ONE, f) for f in Mul.make_args(rows.term.body)]
    factors = [f for _, f in parts]
    scale = Mul(*(content for content, _ in parts), *(f for f in factors if not accesses(f)))
    found = [_factor(f, rows, program) for f in factors if accesses(f)]
    readings = [f for f in found if f is not None]
    if scale.free_symbols & set(rows.labels) or len(readings) < len(found) or not readings:
        return None
    readings, rows = _exchanged(readings, rows)
    read = [_operand(r, readings, rows, program) for r in readings]
    known = sorted((o for o in read if o is not None), key=lambda o: _rank(o, notation))
    operands = _together(known, rows.bound)
    if None in read or not _named(operands, rows):
        return None
    front = tuple(o for o in operands if rows.bound and not set(o.labels) & set(rows.bound))
    inner = tuple(o for o in operands if o not in front)
    return Product(rows.result, tuple(rows.extents.items()), inner, rows.bound, scale, front, tuple(rows.names.items()))


def behind(found: Caption, factor: Expr, shown: Expr) -> Caption:
    """The caption of a row multiplied by a factor element by element, which is written `shown`."""
    by = Operand(factor, tuple((a, Read(a.tensor, a.indices)) for a in accesses(factor)), shown)
    return replace(found, summands=tuple(replace(p, front=(by, *p.front)) for p in found.summands))


@dataclass(frozen=True)
class _Reading:
    """A factor of the row, and the places at which it reads its tensors; of recorded positions also which are meant."""

    value: Expr
    places: tuple[tuple[Expr, str, tuple[Place, ...], tuple[Number, ...]], ...]

    @property
    def every(self) -> Iterator[Place]:
        """All places."""
        return (p for _, _, places, _ in self.places for p in places)

    @property
    def labels(self) -> set[Symbol]:
        """What the factor depends on."""
        numbers = {n.label for *_, numbers in self.places for n in numbers}
        return {v for p in self.every for v in p.labels} | numbers

    def each(self, change: Callable[[Place], Place]) -> "_Reading":
        """The factor with other places."""
        return replace(self, places=tuple((e, t, tuple(map(change, ps)), n) for e, t, ps, n in self.places))


def _factor(value: Expr, rows: Grid, program: Program) -> _Reading | None:
    """A factor that depends on its tensors, and on an index itself only where positions are compared with it."""
    found = []
    rest = value
    positions = sorted(value.atoms(equal), key=default_sort_key)
    for leaf in (*positions, *accesses(value)):
        if not rest.has(leaf):
            continue
        access, number = _position(leaf, program) if isinstance(leaf, equal) else (leaf, None)
        if access is None:
            continue
        tensor = program.tensors.get(access.tensor)
        places = [place(e, n, rows) for e, n in zip(access.indices, tensor.shape, strict=True)] if tensor else [None]
        digits_ = numbers(number, rows) if number is not None else ()
        known = tuple(p for p in places if p is not None)
        if tensor is None or len(known) < len(places) or digits_ is None or (tensor.integer and number is None):
            return None
        found.append((leaf, access.tensor, known, digits_))
        rest = rest.xreplace({leaf: Symbol("a", real=True)})
    return None if rest.free_symbols & set(rows.labels) or not found else _Reading(value, tuple(found))


def _position(bracket: equal, program: Program) -> tuple[Access | None, Expr | None]:
    """The recorded position in a bracket, and what it is compared with."""
    for access, number in (bracket.args, bracket.args[::-1]):
        tensor = program.tensors.get(access.tensor) if isinstance(access, Access) else None
        if tensor is not None and tensor.integer and not accesses(number):
            return access, number
    return None, None


def _divided(term: Term) -> bool:
    """Whether every bracket of divisibility belongs to a factor that is 0 where it does not hold."""
    zeros = {e for a in vanishing_accesses(term.body) for e in a.indices if isinstance(e, exact)}
    brackets = {exact(b.value, b.modulus) for b in term.divisibilities}
    used = {e for a in accesses(term.body) for e in a.indices if isinstance(e, exact)}
    return brackets == used == zeros


def _crossing(p: Place, rows: Grid, readings: Sequence[_Reading]) -> tuple[Symbol, Symbol] | None:
    """The index of the result and the summed one at a place in a window; None where no window slides there."""
    at = [v for v in p.labels if v not in rows.bound]
    taps = [v for v in p.labels if v in rows.bound]
    if len(at) != 1 or len(taps) != 1 or p.times != 1:
        return None
    reading = sum(at[0] in q.labels for r in readings for q in r.every)
    split = reading > 1 and digits(p, rows.extents) is not None
    return None if split else (at[0], taps[0])


def _exchanged(readings: Sequence[_Reading], rows: Grid) -> tuple[list[_Reading], Grid]:
    """``sum of a[b r - s q + o] w[r]`` as windows of w, whose elements are put b apart: w[s q + m - o] a[m].

    So a sum that runs against the windows of one operand is one that runs with those of the other.
    """
    sliding = [r for r in readings if any(_crossing(p, rows, readings) for p in r.every)]
    crossing = {p: pair for r in sliding for p in r.every if (pair := _crossing(p, rows, readings))}
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


def _operand(reading: _Reading, readings: Sequence[_Reading], rows: Grid, program: Program) -> Operand | None:
    """A factor whose places are windows, or whole axes, or what else `Axis` has."""
    reads: list[tuple[Expr, Read]] = []
    for leaf, tensor, places, digits_ in reading.places:
        pairs = [(p, _crossing(p, rows, readings)) for p in places]
        found = [window(p, *pair, rows, program) if pair is not None else axis(p, rows, program) for p, pair in pairs]
        axes = tuple(a for a in found if a is not None)
        if len(axes) < len(found):
            return None
        reads.append((leaf, Read(tensor, axes, digits_)))
    return Operand(reading.value, tuple(reads))


def _together(operands: Sequence[Operand], bound: Sequence[Symbol]) -> list[Operand]:
    """What is read in the same windows, or summed over the same labels, is multiplied element by element before."""
    found: dict[object, Operand] = {}
    for number, o in enumerate(operands):
        alike = frozenset(o.labels) if set(o.labels) & set(bound) else number
        key = o.windows or alike
        before = found.get(key)
        found[key] = o if before is None else Operand(before.value * o.value, (*before.reads, *o.reads))
    return list(found.values())


def _named(operands: Sequence[Operand], rows: Grid) -> bool:
    """Whether windows slide over one operand alone, along axes of their own, and the others are read as they are."""
    sliding = [o for o in operands if o.sliding]
    if not sliding:
        return True
    (moved, *more) = sliding
    others = [o for o in operands if o is not moved]
    at, taps = [w.at for w in moved.windows], [w.tap for w in moved.windows if w.tap is not None]
    once = len(set(at)) == len(at) and len(set(taps)) == len(taps) == len(at)
    whole = all(a in rows.labels or isinstance(a, Digits | Fixed) for o in others for a in o.axes)
    summing = [o for o in others if set(o.labels) & set(rows.bound)]
    cut = {v for o in operands for a in o.axes if isinstance(a, Digits) for v in a.labels}
    own = {v for a in moved.axes if not isinstance(a, Window) for v in labels_of(a)}
    apart = not {v for o in summing for v in o.labels} & set(at) and not (cut | own) & {*at, *taps}
    return not more and once and whole and apart


def _rank(operand: Operand, notation: Notation) -> tuple[bool, bool, int]:
    """The slope of an activation first, then gradients, then tensors in reading order."""
    names = [read.tensor for _, read in operand.reads]
    slope = operand.value.has(activation_prime)
    return not slope, not any(notation.is_gradient(n) for n in names), min(notation.rank(n) for n in names)
