"""One element of a gradient term by term: the summands of its row that are not empty, then their numbers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from sympy import Add, Expr, Float, Integer, Mul, Symbol

from gradscribe.derive.calculus.passes.brackets import divisors_apart
from gradscribe.derive.derivation.forms.example.spelling import Coordinates, Numeral, Spelt
from gradscribe.derive.derivation.forms.example.spelling import place as numbered
from gradscribe.derive.derivation.letters.notation import Notation, ordered
from gradscribe.derive.derivation.record.section_record import Step
from gradscribe.derive.derivation.record.sentence import Words
from gradscribe.derive.ir.functions import equal
from gradscribe.derive.ir.interpret.plain import Array, Place, Point, box, shape_of, value_at
from gradscribe.derive.ir.term import Access, InnerSum, Term
from gradscribe.said import say

MOST = 9
"""Summands that are written out."""
Values = Mapping[str, Array]
Sizes = Mapping[Symbol, Any]
Places = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Summed:
    """A summand of one element: the term at a point of its index box, and where each access reads."""

    term: Term
    point: Point
    reads: Mapping[Access, Place]


def worked(row: Step, values: Values, sizes: Sizes, places: Places | None = None) -> tuple[Step, ...]:
    """Rows that work out the element with the most summands, one that is not 0 if there is any.

    None where all have too many. A factor in front of several sums stands in each of the summands.

    Args:
        row: the formula of the gradient.
        values: every tensor that it reads.
        sizes: every size and parameter.
        places: recorded positions, and the extents in which they are numbered.
    """
    found = summands(row, values, sizes)
    fitting = {at: parts for at, parts in found.items() if 0 < len(parts) <= MOST}
    if not fitting:
        return ()
    results = values[row.left.tensor]
    at = max(fitting, key=lambda at: (len(fitting[at]), bool(results[at])))
    return steps_of(row, at, fitting[at], float(results[at]), values, sizes, places or {}, MOST)


def summands(row: Step, values: Values, sizes: Sizes) -> Mapping[Place, Sequence[Summed]]:
    """What each element of a row is the sum of, by its place; nothing where a row is no sum of elements.

    What reads outside of a tensor is 0 and left out.
    """
    terms = [part for t in row.terms for part in multiplied_out(t)]
    if any(t.body.has(InnerSum) or not t.is_sum for t in terms):
        return {}
    extents = shape_of(tuple(r.extent for r in terms[0].free), sizes)
    found: dict[Place, list[Summed]] = {at: [] for at in product(*map(range, extents))}
    for term in terms:
        read = sorted(term.body.atoms(Access), key=str)
        for point in box(term, values, sizes):
            reads = {a: tuple(int(value_at(e, values, point)) for e in a.indices) for a in read}
            if all(values[a.tensor].inside(at) for a, at in reads.items()):
                found[tuple(point[r.index] for r in term.free)].append(Summed(term, point, reads))
    return found


def steps_of(
    row: Step,
    at: Place,
    parts: Sequence[Summed],
    result: float,
    values: Values,
    sizes: Sizes,
    places: Places,
    most: int,
) -> tuple[Step, ...]:
    """Rows that work out one element, `result`, of at most so many summands; nothing for others."""
    if not 0 < len(parts) <= most:
        return ()
    left = Access(row.left.tensor, *map(Integer, at))
    elements = [_in_elements(part, values, places) for part in parts]
    rows: list[tuple[Words, Sequence[Expr]]] = [
        (say("one element"), elements),
        (say("in numbers"), [_in_numbers(e, values, sizes, row.notation, places) for e in elements]),
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


def _in_elements(part: Summed, values: Values, places: Places) -> Expr:
    """A summand with the places of what it reads; of recorded positions as places, too."""
    elements = {a: Access(a.tensor, *map(Integer, at)) for a, at in part.reads.items()}
    compared = (b for b in part.term.body.atoms(equal) if isinstance(b.args[1], Access))
    recorded = [b for b in compared if b.args[1].tensor in places]
    found = {b: int(value_at(b.args[0], values, part.point)) for b in recorded}
    brackets = {b: equal(numbered(at, places[b.args[1].tensor]), elements[b.args[1]]) for b, at in found.items()}
    indices = {v: Integer(part.point[v]) for v in part.term.indices}
    return part.term.body.xreplace(brackets).xreplace(elements).xreplace(indices)


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
