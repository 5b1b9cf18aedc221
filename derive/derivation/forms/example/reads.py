"""Who reads whom: the elements that each element of a result is made of, by their places."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sympy import Expr, Mul, Symbol

from gradscribe.derive.derivation.forms.example.sheets import Place
from gradscribe.derive.derivation.forms.example.worked import multiplied_out
from gradscribe.derive.derivation.record.section_record import Step
from gradscribe.derive.ir.functions import is_indicator
from gradscribe.derive.ir.interpret import Grid, index_box, value
from gradscribe.derive.ir.term import Access, InnerSum


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
    """

    reads: tuple[Read, ...]
    zero: bool


def reads(
    step: Step, values: Mapping[str, np.ndarray], sizes: Mapping[Symbol, Any]
) -> dict[Place, tuple[Summand, ...]]:
    """The summands of every element that an equation computes, without those that a bracket leaves out.

    Nothing for what has a sum within a function: that reads more than its places say.

    Args:
        step: the equation.
        values: every tensor of it: recorded positions say which elements count.
        sizes: every size and parameter.
    """
    parts = [part for term in step.terms for part in multiplied_out(term)]
    if any(part.body.has(InnerSum) for part in parts):
        return {}
    found: dict[Place, list[Summand]] = {at: [] for at in np.ndindex(np.shape(values[step.left.tensor]))}
    for part in parts:
        grid, mask = index_box(part, values, sizes)
        accesses = sorted(part.body.atoms(Access), key=str)
        factors = {f.base if f.is_Pow else f for f in Mul.make_args(part.body)}
        written, *places = (_places(access, values, grid, mask.shape) for access in (step.left, *accesses))
        for at in map(tuple, np.argwhere(mask & _brackets(part.body, values, grid, mask.shape))):
            row = tuple(_read(a, place[at], values) for a, place in zip(accesses, places, strict=True))
            zero = any(not r.inside and a in factors for a, r in zip(accesses, row, strict=True))
            found[tuple(int(i) for i in written[at])].append(Summand(row, zero))
    return {at: tuple(rows) for at, rows in found.items()}


def counted(summands: Iterable[Summand]) -> tuple[tuple[str, Place], ...]:
    """The elements that an element is made of, each once."""
    return tuple(dict.fromkeys((r.tensor, r.at) for s in summands if not s.zero for r in s.reads if r.inside))


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
