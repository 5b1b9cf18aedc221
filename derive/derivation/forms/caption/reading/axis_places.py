"""An index expression -> how an axis is read."""

from collections.abc import Mapping
from dataclasses import dataclass

import sympy
from sympy import Dummy, Expr, Integer, Symbol

from gradscribe.derive.calculus.collapse import proved
from gradscribe.derive.derivation.forms.caption.operation import Axis, Digits, Fixed, Number, Repeated, Window
from gradscribe.derive.derivation.forms.caption.reading.grid import Grid
from gradscribe.derive.derivation.forms.caption.remainder import expanded, settled
from gradscribe.derive.ir.index import Affine, NotAffineError, affine, exact, floordiv, mod, sign
from gradscribe.derive.ir.term import Guard, Program

ONE = Integer(1)


@dataclass(frozen=True)
class Place:
    """A position on an axis: an affine form of labels.

    Attributes:
        form: the form.
        length: how many elements the axis has.
        spread: how far apart they stand, zeros between them.
        times: how often each of them counts.
    """

    form: Affine
    length: Expr
    spread: Expr = ONE
    times: Expr = ONE

    @property
    def labels(self) -> tuple[Symbol, ...]:
        """What it depends on."""
        return self.form.indices

    @property
    def reach(self) -> Expr:
        """How many elements the axis has with the zeros between them, and each as often as it counts."""
        return self.spread * (self.length - 1) + 1 if self.times == 1 else self.times * self.length


def place(index: Expr, length: Expr, grid: Grid) -> Place | None:
    """The place that an index expression says; None where it is no affine form, spread or repeated."""
    try:
        if isinstance(index, exact):
            return Place(affine(index.args[0], grid.labels), length, spread=index.args[1])
        if isinstance(index, floordiv):
            return Place(affine(index.args[0], grid.labels), length, times=index.args[1])
        return None if index.has(sympy.Function) else Place(affine(index, grid.labels), length)
    except NotAffineError:
        return None


def window(p: Place, at: Symbol, tap: Symbol, grid: Grid, program: Program) -> Window | None:
    """``a at + b tap + o`` as windows of an axis; None where the sign of a or b is unknown."""
    a, b, o = p.form.coefficient(at), p.form.coefficient(tap), p.form.offset
    outputs, taps = grid.extents[at], grid.extents[tap]
    signs = sign(a), sign(b)
    mirrored, backwards = signs == (-1, -1), signs == (-1, 1)
    if 0 in signs:
        return None
    if mirrored:
        a, b, o = -a, -b, p.reach - 1 - o
    if backwards:
        a, o = -a, o + a * (outputs - 1)
    turned = sign(b) < 0
    dilation = -b if turned else b
    before = expanded((dilation * (taps - 1) if turned else 0) - o)
    after = settled(a * (outputs - 1) + dilation * (taps - 1) + 1 - before - p.reach, program)
    return Window(at, tap, before, after, a, dilation, p.spread, turned, mirrored, backwards)


def axis(p: Place, grid: Grid, program: Program) -> Axis | None:
    """How an axis is read along which no window slides; None for what is none of the kinds of `Axis`."""
    form, extents = p.form, grid.extents
    if not form.terms:
        if p.length == 1 and form.offset == 0:
            return Digits(())  # the only element
        inside = p.spread == p.times == 1 and proved(grid.term, Guard(form.offset, p.length), program)
        return Fixed(form.offset) if inside else None
    if len(form.terms) > 1:
        return digits(p, extents)
    ((at, step),) = form.terms
    if step == 1 and form.offset == 0 and p.spread == p.times == 1 and _same(p.length, extents[at], program):
        return at
    if p.times != 1:
        after = settled(extents[at] + form.offset - p.reach, program)
        return Repeated(at, p.times, sympy.expand(-form.offset), after) if step == 1 else None
    mirrored = sign(step) < 0
    if not sign(step):
        return None
    first = p.reach - 1 - form.offset if mirrored else form.offset
    step = -step if mirrored else step
    after = settled(step * (extents[at] - 1) + 1 + first - p.reach, program)
    return Window(at, None, sympy.expand(-first), after, step, ONE, p.spread, False, mirrored)


def digits(p: Place, extents: Mapping[Symbol, Expr]) -> Digits | None:
    """The labels of a place as the digits of a number, if they are: each counts the product of the extents below."""
    found: list[Symbol] = []
    rest, base = dict(p.form.terms), ONE
    while rest:
        low = next((v for v, c in rest.items() if sympy.expand(c - base) == 0), None)
        if low is None:
            return None
        found.append(low)
        base = sympy.expand(base * extents[low])
        del rest[low]
    whole = p.form.offset == 0 and p.spread == p.times == 1 and sympy.expand(base - p.length) == 0
    return Digits(tuple(reversed(found))) if whole else None


def numbers(position: Expr, grid: Grid) -> tuple[Number, ...] | None:
    """A position in row-major order as its digits, such as ``T (q mod R) + t``; None where it is no such number."""
    remainders = sorted(position.atoms(mod), key=sympy.default_sort_key)
    marks = {m: Dummy(integer=True) for m in remainders}
    form = affine(position.xreplace(marks), (*marks.values(), *grid.labels))
    counted = {mark: _counted(m, grid) for m, mark in marks.items()}
    counted |= {v: (Number(v), grid.extents[v]) for v in grid.labels}
    found: list[Number] = []
    rest, base = dict(form.terms), ONE
    while rest:
        low = next((v for v, c in rest.items() if sympy.expand(c - base) == 0), None)
        digit = counted[low] if low is not None else None
        if low is None or digit is None:
            return None
        found.append(digit[0])
        base = sympy.expand(base * digit[1])
        del rest[low]
    return tuple(reversed(found)) if found and form.offset == 0 else None


def _counted(remainder: mod, grid: Grid) -> tuple[Number, Expr] | None:
    value, modulus = remainder.args
    form = affine(value, grid.labels)
    single = len(form.terms) == 1 and form.terms[0][1] == 1
    return (Number(form.indices[0], form.offset, modulus), modulus) if single else None


def _same(a: Expr, b: Expr, program: Program) -> bool:
    return bool(settled(a - b, program) == 0)
