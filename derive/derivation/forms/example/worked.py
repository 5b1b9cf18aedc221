"""One element of a gradient term by term: the summands of its row that are not empty, then their numbers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from sympy import Add, Expr, Float, Integer, Mul, Symbol

from gradscribe.derive.calculus.passes.brackets import divisors_apart
from gradscribe.derive.derivation.certificate.rows import row_value
from gradscribe.derive.derivation.forms.example.spelling import Coordinates, Numeral, Spelt
from gradscribe.derive.derivation.forms.example.spelling import place as numbered
from gradscribe.derive.derivation.letters.notation import Notation, ordered
from gradscribe.derive.derivation.record.section_record import Step
from gradscribe.derive.derivation.record.sentence import Words
from gradscribe.derive.ir.functions import equal
from gradscribe.derive.ir.interpret import evaluate, number, value
from gradscribe.derive.ir.term import Access, InnerSum, Term
from gradscribe.said import say

MOST = 9
"""Summands that are written out."""
Values = Mapping[str, np.ndarray]
Sizes = Mapping[Symbol, Any]
Places = Mapping[str, Sequence[int]]


def worked(row: Step, values: Values, sizes: Sizes, places: Places | None = None) -> tuple[Step, ...]:
    """Rows that work out the element with the most summands, one that is not 0 if there is any.

    None where all have too many. A factor in front of several sums stands in each of the summands.

    Args:
        row: the formula of the gradient.
        values: every tensor that it reads.
        sizes: every size and parameter.
        places: recorded positions, and the extents in which they are numbered.
    """
    known = places or {}
    found = summands(row, values, sizes, known)
    fitting = {at: parts for at, parts in found.items() if 0 < len(parts) <= MOST}
    if not fitting:
        return ()
    results = row_value(row.terms, values, sizes)
    at = max(fitting, key=lambda at: (len(fitting[at]), bool(results[at])))
    return steps_of(row, at, fitting[at], float(results[at]), values, sizes, known)


def summands(row: Step, values: Values, sizes: Sizes, places: Places) -> Mapping[tuple[int, ...], Sequence[Expr]]:
    """What each element of a row is the sum of, by its place; nothing where a row is no sum of elements."""
    terms = [part for t in row.terms for part in multiplied_out(t)]
    if any(t.body.has(InnerSum) or not t.is_sum for t in terms):
        return {}
    extents = [number(r.extent, sizes) for r in terms[0].free]
    return {at: _summands(terms, at, values, sizes, places) for at in product(*map(range, extents))}


def steps_of(
    row: Step, at: tuple[int, ...], parts: Sequence[Expr], result: float, values: Values, sizes: Sizes, places: Places
) -> tuple[Step, ...]:
    """Rows that work out one element, `result`, of not too many summands; nothing for others."""
    if not 0 < len(parts) <= MOST:
        return ()
    left = Access(row.left.tensor, *map(Integer, at))
    rows: list[tuple[Words, Sequence[Expr]]] = [
        (say("one element"), parts),
        (say("in numbers"), [_in_numbers(part, values, sizes, row.notation, places) for part in parts]),
        (say("worked out"), [rounded(result)]),
    ]
    return tuple(
        Step("example", reason, left, tuple(Term((), (), body) for body in bodies), notation=row.notation)
        for reason, bodies in rows
    )


def multiplied_out(term: Term) -> Iterator[Term]:
    """The terms of ``f (a + sum b)``, each with its own brackets; a term without a sum in its body as it is."""
    factors = Mul.make_args(term.body)
    total = next((f for f in factors if isinstance(f, Add) and f.has(InnerSum)), None)
    if total is None or term.bound:
        yield term
        return
    rest = Mul(*(f for f in factors if f is not total))
    for part in total.args:
        ranges = part.ranges if isinstance(part, InnerSum) else ()
        yield divisors_apart(replace(term, bound=ranges, body=rest * (part.body if ranges else part)))


def _summands(terms: Sequence[Term], at: tuple[int, ...], values: Values, sizes: Sizes, places: Places) -> list[Expr]:
    """What the sum of an element consists of; what reads outside of a tensor is 0 and left out."""
    return [part for term in terms for part in _of_term(term, at, values, sizes, places)]


def _of_term(term: Term, at: tuple[int, ...], values: Values, sizes: Sizes, places: Places) -> Iterator[Expr]:
    for inner in product(*(range(number(r.extent, sizes)) for r in term.bound)):
        place = dict(zip(term.indices, map(Integer, (*at, *inner)), strict=True))
        single = Term((), (), term.body, term.deltas, term.guards, term.divisibilities).substitute(place)
        if not _holds(single, values, sizes):
            continue
        grid = {**sizes, **{s: int(v) for s, v in place.items()}}
        reads = {a: [int(value(e, values, grid)) for e in a.indices] for a in term.body.atoms(Access)}
        if all(_inside(values[a.tensor], indices) for a, indices in reads.items()):
            elements = {a: Access(a.tensor, *map(Integer, indices)) for a, indices in reads.items()}
            brackets = {
                b: equal(numbered(int(value(b.args[0], values, grid)), places[b.args[1].tensor]), elements[b.args[1]])
                for b in term.body.atoms(equal)
                if isinstance(b.args[1], Access) and b.args[1].tensor in places
            }
            yield term.body.xreplace(brackets).xreplace(elements).xreplace(place)


def _holds(term: Term, values: Values, sizes: Sizes) -> bool:
    """Whether the brackets of a term without indices hold: then the number 1 in its place is not left out."""
    one = Term((), (), Integer(1), term.deltas, term.guards, term.divisibilities)
    return bool(evaluate(one, values, sizes)[0])


def _inside(array: np.ndarray, indices: Sequence[int]) -> bool:
    return all(0 <= index < extent for index, extent in zip(indices, array.shape, strict=True))


def _in_numbers(e: Expr, values: Values, sizes: Sizes, notation: Notation, places: Places) -> Expr:
    """The numbers in the places of elements, sizes and parameters; products in the order in which they are read."""
    if isinstance(e, Access):
        found = float(values[e.tensor][tuple(int(i) for i in e.indices)])
        return Numeral(e, numbered(int(found), places[e.tensor]) if e.tensor in places else rounded(found))
    if isinstance(e, Symbol):
        return Numeral(e, rounded(float(sizes[e])))
    if isinstance(e, Coordinates):
        return e
    if not isinstance(e, Mul):
        parts = [_in_numbers(a, values, sizes, notation, places) for a in e.args]
        return e.func(*parts) if parts else e
    coefficient, rest = e.as_coeff_Mul()
    factors = ordered(Mul.make_args(rest), (), notation)
    upper = [_in_numbers(f, values, sizes, notation, places) for f in factors if not is_inverse(f)]
    lower = [_in_numbers(1 / f, values, sizes, notation, places) for f in factors if is_inverse(f)]
    above, below = abs(coefficient).as_numer_denom()
    spelt = Spelt([above, *upper] if above != 1 else upper, [below, *lower] if below != 1 else lower)
    return -spelt if coefficient.is_negative else spelt


def is_inverse(factor: Expr) -> bool:
    """Whether it stands below a line."""
    return bool(factor.is_Pow and factor.exp.is_negative)


def rounded(found: float) -> Expr:
    """A number as it is printed: whole, or to three digits behind the point; of small ones two digits."""
    if abs(found - round(found)) < 1e-9:
        return Integer(round(found))
    return Float(f"{found:.3f}" if abs(found) >= 0.01 else f"{found:.1e}")
