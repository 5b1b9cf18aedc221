"""The address of an element in an array laid out row by row, and the range that brackets leave an index."""

from collections.abc import Iterable
from dataclasses import dataclass

import sympy
from sympy import Add, Expr, Integer, Mul, Symbol

from gradscribe.derive.ir.index import affine, floordiv, sign
from gradscribe.derive.ir.term import Guard


@dataclass(frozen=True)
class Address:
    """The address of an element: `base`, which is computed once, and what is added per step of other indices.

    The base stands in parts: of each, times the extent of the next axis, the next one is made; ``base`` is the whole.
    """

    parts: tuple[tuple[Expr, Expr], ...]
    steps: tuple[tuple[Symbol, Expr], ...]

    @property
    def base(self) -> Expr:
        """The parts together, unexpanded: ``(n*H + i)*W + j``."""
        whole: Expr = Integer(0)
        for extent, position in self.parts:
            whole = whole * extent + position
        return whole

    @property
    def terms(self) -> int:
        """How many terms the positions along all axes have."""
        return sum(len(Add.make_args(position)) for _, position in self.parts if position != 0)

    def step(self, index: Symbol) -> Expr:
        """By how much one step of `index` moves it."""
        return dict(self.steps).get(index, Integer(0))


def address(
    place: Iterable[Expr], shape: Iterable[Expr], inner: tuple[Symbol, ...], ahead: tuple[Symbol, ...] = ()
) -> Address:
    """The address of ``array[place]``: its base is where all `inner` indices are 0, and the others where they are.

    Steps are those of the `inner` indices, and of the others that one looks `ahead` along.
    """
    still: dict[Expr, Expr] = dict.fromkeys(inner, Integer(0))
    moving = (*inner, *ahead)
    parts: list[tuple[Expr, Expr]] = []
    steps: dict[Symbol, Expr] = {}
    extents = tuple(shape)
    for axis, (position, extent) in enumerate(zip(place, extents, strict=True)):
        parts.append((extent, sympy.expand(position.xreplace(still))))
        for v, c in affine(position, moving).terms:
            steps[v] = sympy.expand(steps.get(v, Integer(0)) + c * Mul(*extents[axis + 1 :]))
    return Address(tuple(parts), tuple(steps.items()))


@dataclass(frozen=True)
class Constraint:
    """``0 <= factor * index + rest < extent``, which restricts `index` once all of `rest` is known."""

    index: Symbol
    factor: Expr
    rest: Expr
    extent: Expr

    @property
    def low(self) -> Expr:
        """The least value, where it is at least 0."""
        if sign(self.factor) > 0:
            return _quotient(-1, self.rest, self.factor)
        return _quotient(-1, self.extent - 1 - self.rest, -self.factor)

    @property
    def high(self) -> Expr:
        """One more than the greatest value."""
        if sign(self.factor) > 0:
            return _quotient(1, self.extent - 1 - self.rest, self.factor) + 1
        return _quotient(1, self.rest, -self.factor) + 1


def _quotient(sign_: int, numerator: Expr, denominator: Expr) -> Expr:
    numerator = sympy.expand(numerator)
    return sign_ * (numerator if denominator == 1 else floordiv(numerator, denominator))


def constraints(brackets: Iterable[Guard], order: tuple[Symbol, ...]) -> tuple[Constraint, ...]:
    """Per bracket what it says of the innermost of its indices."""
    found = []
    for bracket in brackets:
        parts = affine(bracket.value, order)
        index, factor = parts.terms[-1]
        found.append(Constraint(index, factor, sympy.expand(bracket.value - factor * index), bracket.extent))
    return tuple(found)
