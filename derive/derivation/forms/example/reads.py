"""Who reads whom: the elements that each element of a result is made of, by their places."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sympy import Mul, Symbol

from gradscribe.derive.derivation.forms.example.worked import multiplied_out
from gradscribe.derive.derivation.record.section_record import Step
from gradscribe.derive.ir.functions import is_indicator
from gradscribe.derive.ir.interpret.plain import Array, Place, box, value_at
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


def reads(step: Step, values: Mapping[str, Array], sizes: Mapping[Symbol, Any]) -> dict[Place, tuple[Summand, ...]]:
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
    found: dict[Place, list[Summand]] = {at: [] for at in values[step.left.tensor].entries}
    for part in parts:
        accesses = sorted(part.body.atoms(Access), key=str)
        factors = {f.base if f.is_Pow else f for f in Mul.make_args(part.body)}
        brackets = [f for f in Mul.make_args(part.body) if is_indicator(f)]
        for point in box(part, values, sizes):
            if all(value_at(bracket, values, point) for bracket in brackets):
                row = tuple(_read(a, values, point) for a in accesses)
                zero = any(not r.inside and a in factors for a, r in zip(accesses, row, strict=True))
                found[_place(step.left, values, point)].append(Summand(row, zero))
    return {at: tuple(rows) for at, rows in found.items()}


def counted(summands: Iterable[Summand]) -> tuple[tuple[str, Place], ...]:
    """The elements that an element is made of, each once."""
    return tuple(dict.fromkeys((r.tensor, r.at) for s in summands if not s.zero for r in s.reads if r.inside))


def _read(access: Access, values: Mapping[str, Array], point: Mapping[Symbol, Any]) -> Read:
    at = _place(access, values, point)
    return Read(access.tensor, at, values[access.tensor].inside(at))


def _place(access: Access, values: Mapping[str, Array], point: Mapping[Symbol, Any]) -> Place:
    return tuple(int(value_at(e, values, point)) for e in access.indices)
