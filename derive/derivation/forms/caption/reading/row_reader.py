"""Row -> Caption: what a collapsed row is called, read off the signs of its indices.

In an access index ``a*q + b*r + o`` with q free and r summed, equal signs of a and b make a correlation, opposite ones
a convolution; what is divided by a stride has zeros between its elements. No layer is known here. What has no name in
these terms has no caption.
"""

from collections.abc import Sequence
from dataclasses import replace

from sympy import Expr, Integer, Mul, Symbol

from gradscribe.derive.calculus.collapse import vanishing_accesses
from gradscribe.derive.derivation.forms.caption.operation import (
    Caption,
    Digits,
    Fixed,
    Operand,
    Product,
    Read,
    Window,
    labels_of,
)
from gradscribe.derive.derivation.forms.caption.reading.axis_places import axis, window
from gradscribe.derive.derivation.forms.caption.reading.crossing import crossing_of, exchanged
from gradscribe.derive.derivation.forms.caption.reading.factor_reading import Reading, read_factor
from gradscribe.derive.derivation.forms.caption.reading.grid import Grid, grid
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.record.section_record import Step
from gradscribe.derive.ir.functions import activation_prime
from gradscribe.derive.ir.index import exact
from gradscribe.derive.ir.term import Program, Term, accesses

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
    found = [read_factor(f, rows, program) for f in factors if accesses(f)]
    readings = [f for f in found if f is not None]
    if scale.free_symbols & set(rows.labels) or len(readings) < len(found) or not readings:
        return None
    readings, rows = exchanged(readings, rows)
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


def _divided(term: Term) -> bool:
    """Whether every bracket of divisibility belongs to a factor that is 0 where it does not hold."""
    zeros = {e for a in vanishing_accesses(term.body) for e in a.indices if isinstance(e, exact)}
    brackets = {exact(b.value, b.modulus) for b in term.divisibilities}
    used = {e for a in accesses(term.body) for e in a.indices if isinstance(e, exact)}
    return brackets == used == zeros


def _operand(reading: Reading, readings: Sequence[Reading], rows: Grid, program: Program) -> Operand | None:
    """A factor whose places are windows, or whole axes, or what else `Axis` has."""
    reads: list[tuple[Expr, Read]] = []
    for leaf, tensor, places, digits_ in reading.places:
        pairs = [(p, crossing_of(p, rows, readings)) for p in places]
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
