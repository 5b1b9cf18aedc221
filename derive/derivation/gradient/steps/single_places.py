"""Axes that have one element and are read there: of a kernel of one by one, the element is w[0, 0, c, k]."""

from collections.abc import Sequence
from dataclasses import replace

from sympy import Integer, Symbol

from gradscribe.derive.calculus.differentiate import Contribution
from gradscribe.derive.ir.term import Term


def single_places(contributions: Sequence[Contribution]) -> tuple[Symbol, ...]:
    """The indices of the element that can only be 0: in their places every reader has that number."""
    free = contributions[0].term.free
    return tuple(
        r.index
        for axis, r in enumerate(free)
        if r.extent == 1 and all(c.access.indices[axis] == 0 for c in contributions)
    )


def at_places(contribution: Contribution, places: Sequence[Symbol]) -> Contribution:
    """A contribution to the element at these places, so that no bracket asks whether they are 0."""
    if not places:
        return contribution
    by_value = contribution.by_value
    return replace(
        contribution,
        term=with_places(contribution.term, places),
        by_value=with_places(by_value, places) if by_value else None,
    )


def with_places(term: Term, places: Sequence[Symbol]) -> Term:
    """A term of the element at these places."""
    found = term.substitute(dict.fromkeys(places, Integer(0)))
    free = tuple(r for r in found.free if r.index not in places)
    return replace(found, free=free, deltas=tuple(d for d in found.deltas if d != 0))
