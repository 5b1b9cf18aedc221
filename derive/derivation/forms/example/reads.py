"""Who reads whom: the elements that each element of a result is made of, by their places."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sympy import Expr, Integer, Mul, Symbol

from gradscribe.derive.derivation.forms.example.worked import multiplied_out
from gradscribe.derive.derivation.record.section_record import Step
from gradscribe.derive.ir.functions import admission, is_indicator
from gradscribe.derive.ir.index import exact
from gradscribe.derive.ir.interpret.plain import Array, Place, Point, box, points, value_at
from gradscribe.derive.ir.term import Access, InnerSum, Term


@dataclass(frozen=True)
class Read:
    """An element that is read; one outside of its tensor reads 0."""

    tensor: str
    at: Place
    inside: bool


@dataclass(frozen=True)
class Summand:
    """A summand of an element, or a candidate of an extremum.

    Attributes:
        reads: in the order of their names.
        zero: whether a factor lies outside of its tensor, so that the others do not count.
        within: what sums within it read, each once.
    """

    reads: tuple[Read, ...]
    zero: bool
    within: tuple[Read, ...] = ()


def reads(step: Step, values: Mapping[str, Array], sizes: Mapping[Symbol, Any]) -> dict[Place, tuple[Summand, ...]]:
    """The summands of every element that an equation computes, without those that a bracket leaves out.

    Args:
        step: the equation.
        values: every tensor of it: recorded positions say which elements count.
        sizes: every size and parameter.
    """
    found: dict[Place, list[Summand]] = {at: [] for at in values[step.left.tensor].entries}
    for part in _parts(step):
        body = _Body(part.body, values)
        for point in box(part, values, sizes):
            if body.holds(point):
                found[_place(step.left, values, point)].append(body.summand(point))
    return {at: tuple(rows) for at, rows in found.items()}


def left_out(step: Step, values: Mapping[str, Array], sizes: Mapping[Symbol, Any]) -> dict[Place, tuple[Read, ...]]:
    """What brackets leave out of every element: the elements that it would read where they are false.

    Kronecker deltas are no such brackets, they say where a summand belongs. What would stand at no whole place, as
    between two windows, is nothing to leave out.
    """
    found: dict[Place, dict[Read, None]] = {at: {} for at in values[step.left.tensor].entries}
    for part in _parts(step):
        body = _Body(part.body, values)
        without = replace(part, guards=(), body=Integer(1))
        own = {at for at, point in _box(part, values, sizes) if body.holds(point)}
        whole = {at for at, _ in _box(without, values, sizes)}
        for at, point in _box(replace(without, divisibilities=()), values, sizes):
            if at not in own:
                there = zip(body.accesses, body.reads(point), strict=True)
                out = (read for access, read in there if read.inside and (at in whole or not access.has(exact)))
                found[_place(step.left, values, point)].update(dict.fromkeys(out))
    return {at: tuple(rows) for at, rows in found.items()}


def counted(summands: Iterable[Summand]) -> tuple[tuple[str, Place], ...]:
    """The elements that an element is made of, each once."""
    every = (r for s in summands if not s.zero for r in (*s.reads, *s.within))
    return tuple(dict.fromkeys((r.tensor, r.at) for r in every if r.inside))


class _Body:
    """A body, at one point after the other: whether its brackets hold, and what it reads."""

    def __init__(self, body: Expr, values: Mapping[str, Array]) -> None:
        sums = _sums(body)
        self.accesses = sorted(body.xreplace(dict.fromkeys(sums, Integer(1))).atoms(Access), key=str)
        self._brackets = [f for f in Mul.make_args(body) if is_indicator(f)]
        self._factors = {f.base if f.is_Pow else f for f in Mul.make_args(admission(body)[1])}
        self._sums = [_Sum(total, values) for total in sums]
        self._values = values

    def holds(self, point: Point) -> bool:
        """Whether the brackets among its factors hold."""
        return all(value_at(bracket, self._values, point) for bracket in self._brackets)

    def reads(self, point: Point) -> tuple[Read, ...]:
        """What it reads but for the sums within it."""
        return tuple(_read(access, self._values, point) for access in self.accesses)

    def summand(self, point: Point) -> Summand:
        """What it reads, and the sums within it."""
        own = self.reads(point)
        zero = any(not r.inside and a in self._factors for a, r in zip(self.accesses, own, strict=True))
        return Summand(own, zero, tuple(dict.fromkeys(r for total in self._sums for r in total.reads(point))))


class _Sum:
    """A sum within a body; it reads the same wherever what stands around it is the same for it."""

    def __init__(self, total: InnerSum, values: Mapping[str, Array]) -> None:
        self._ranges = total.ranges
        self._around = sorted(total.free_symbols, key=str)
        self._body = _Body(total.body, values)
        self._known: dict[tuple[Any, ...], tuple[Read, ...]] = {}

    def reads(self, point: Point) -> tuple[Read, ...]:
        """What its summands read, and the sums within these, each once."""
        key = tuple(point[symbol] for symbol in self._around)
        if key not in self._known:
            summands = (self._body.summand(p) for p in points(self._ranges, point) if self._body.holds(p))
            self._known[key] = tuple(dict.fromkeys(r for s in summands if not s.zero for r in (*s.reads, *s.within)))
        return self._known[key]


def _parts(step: Step) -> Iterator[Term]:
    return (part for term in step.terms for part in multiplied_out(term))


def _box(part: Term, values: Mapping[str, Array], sizes: Mapping[Symbol, Any]) -> Iterator[tuple[Place, Point]]:
    """The points at which the brackets of a term hold, and their places in its index box."""
    return ((tuple(point[v] for v in part.indices), point) for point in box(part, values, sizes))


def _sums(body: Expr) -> list[InnerSum]:
    """The sums within a body, without those within others."""
    if isinstance(body, InnerSum):
        return [body]
    return list(dict.fromkeys(found for e in body.args for found in _sums(e))) if not isinstance(body, Access) else []


def _read(access: Access, values: Mapping[str, Array], point: Point) -> Read:
    at = _place(access, values, point)
    return Read(access.tensor, at, values[access.tensor].inside(at))


def _place(access: Access, values: Mapping[str, Array], point: Point) -> Place:
    return tuple(int(value_at(e, values, point)) for e in access.indices)
