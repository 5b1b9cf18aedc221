"""Who reads whom: the elements that each element of a result is made of, by their places."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sympy import Expr, Integer, Mul, Symbol

from gradscribe.derive.derivation.forms.example.sheets import Place
from gradscribe.derive.derivation.forms.example.worked import multiplied_out
from gradscribe.derive.derivation.record.section_record import Step
from gradscribe.derive.ir.functions import is_indicator
from gradscribe.derive.ir.index import exact
from gradscribe.derive.ir.interpret import Grid, index_box, value
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


Made = dict[Place, tuple[Summand, ...]]
"""The summands of every element."""


def reads(step: Step, values: Mapping[str, np.ndarray], sizes: Mapping[Symbol, Any]) -> Made:
    """The summands of every element that an equation computes, without those that a bracket leaves out.

    Args:
        step: the equation.
        values: every tensor of it: recorded positions say which elements count.
        sizes: every size and parameter.
    """
    found: dict[Place, list[Summand]] = {at: [] for at in np.ndindex(np.shape(values[step.left.tensor]))}
    for part in _parts(step):
        box = _Box(part, step.left, values, sizes)
        within = [_within(part, inner, values, sizes) for inner in _sums(part.body)]
        for at in map(tuple, np.argwhere(box.holds)):
            inner = dict.fromkeys(read for reads_ in within for read in reads_.get(at, ()))
            found[box.written(at)].append(Summand(box.reads(at), box.zero(at), tuple(inner)))
    return {at: tuple(rows) for at, rows in found.items()}


def left_out(
    step: Step, values: Mapping[str, np.ndarray], sizes: Mapping[Symbol, Any]
) -> dict[Place, tuple[Read, ...]]:
    """What brackets leave out of every element: the elements that it would read where they are false.

    Kronecker deltas are no such brackets, they say where a summand belongs. What would stand at no whole place, as
    between two windows, is nothing to leave out.
    """
    found: dict[Place, dict[Read, None]] = {at: {} for at in np.ndindex(np.shape(values[step.left.tensor]))}
    for part in _parts(step):
        divided = replace(part, guards=(), body=Integer(1))
        _, whole = index_box(divided, values, sizes)
        _, every = index_box(replace(divided, divisibilities=()), values, sizes)
        box = _Box(part, step.left, values, sizes)
        for at in map(tuple, np.argwhere(every & ~box.holds)):
            own = zip(box.accesses, box.reads(at), strict=True)
            there = (read for access, read in own if read.inside and (whole[at] or not access.has(exact)))
            found[box.written(at)].update(dict.fromkeys(there))
    return {at: tuple(rows) for at, rows in found.items()}


def counted(summands: Iterable[Summand]) -> tuple[tuple[str, Place], ...]:
    """The elements that an element is made of, each once."""
    every = (r for s in summands if not s.zero for r in (*s.reads, *s.within))
    return tuple(dict.fromkeys((r.tensor, r.at) for r in every if r.inside))


class _Box:
    """The index box of a term: where its brackets hold, and what each of its accesses reads there."""

    def __init__(self, part: Term, left: Access, values: Mapping[str, np.ndarray], sizes: Mapping[Symbol, Any]) -> None:
        grid, mask = index_box(part, values, sizes)
        self.accesses = _accesses(part.body)
        self.holds = mask & _brackets(part.body, values, grid, mask.shape)
        self._factors = {f.base if f.is_Pow else f for f in Mul.make_args(part.value)}
        self._left = _places(left, values, grid, mask.shape)
        self._places = [_places(access, values, grid, mask.shape) for access in self.accesses]
        self._values = values

    def written(self, at: Place) -> Place:
        """The element that a summand belongs to."""
        return tuple(int(i) for i in self._left[at])

    def reads(self, at: Place) -> tuple[Read, ...]:
        """What a summand reads."""
        return tuple(_read(a, place[at], self._values) for a, place in zip(self.accesses, self._places, strict=True))

    def zero(self, at: Place) -> bool:
        """Whether a factor of a summand lies outside of its tensor."""
        own = zip(self.accesses, self.reads(at), strict=True)
        return any(not read.inside and access in self._factors for access, read in own)


def _parts(step: Step) -> Iterator[Term]:
    return (part for term in step.terms for part in multiplied_out(term))


def _within(
    part: Term, total: InnerSum, values: Mapping[str, np.ndarray], sizes: Mapping[Symbol, Any]
) -> dict[Place, dict[Read, None]]:
    """What a sum within a term reads, and the sums within that, by the place in the box of the term."""
    deeper = replace(part, bound=(*part.bound, *total.ranges), body=total.body)
    box = _Box(deeper, Access(""), values, sizes)
    inner = [_within(deeper, sum_, values, sizes) for sum_ in _sums(total.body)]
    found: dict[Place, dict[Read, None]] = {}
    for at in map(tuple, np.argwhere(box.holds)):
        if not box.zero(at):
            own = (*box.reads(at), *(read for reads_ in inner for read in reads_.get(at, ())))
            found.setdefault(at[: len(part.ranges)], {}).update(dict.fromkeys(own))
    return found


def _sums(body: Expr) -> list[InnerSum]:
    """The sums within a body, without those within others."""
    if isinstance(body, InnerSum):
        return [body]
    return list(dict.fromkeys(found for e in body.args for found in _sums(e))) if not isinstance(body, Access) else []


def _accesses(body: Expr) -> list[Access]:
    """The accesses of a body but for those in sums within it."""
    return sorted(body.xreplace(dict.fromkeys(_sums(body), Integer(1))).atoms(Access), key=str)


def _brackets(body: Expr, values: Mapping[str, np.ndarray], grid: Grid, shape: Sequence[int]) -> np.ndarray:
    """Where the brackets among the factors hold."""
    found = np.ones(tuple(shape), bool)
    for factor in Mul.make_args(body):
        if is_indicator(factor):
            found &= np.asarray(value(factor, values, grid)) != 0
    return found


def _places(access: Access, values: Mapping[str, np.ndarray], grid: Grid, shape: Sequence[int]) -> np.ndarray:
    """Where an access reads, at every place of an index box: the indices are a last axis."""
    indices = [np.broadcast_to(value(e, values, grid), tuple(shape)) for e in access.indices]
    return np.stack(indices, -1) if indices else np.zeros((*shape, 0), int)


def _read(access: Access, place: np.ndarray, values: Mapping[str, np.ndarray]) -> Read:
    at = tuple(int(i) for i in place)
    inside = all(0 <= i < extent for i, extent in zip(at, values[access.tensor].shape, strict=True))
    return Read(access.tensor, at, inside)
