"""What a statement takes, roughly: the way in which it is computed follows from its brackets and operands.

The unit is a multiplication within a product of matrices. What goes through elements one by one waits for memory, and
what asks a bracket for each of them has no products of matrices; so their elements weigh more.
"""

from collections.abc import Collection, Iterable, Mapping
from math import prod

from sympy import Add, Expr, Integer, Mul, Symbol

from gradscribe.derive.calculus.passes.brackets import as_factors
from gradscribe.derive.calculus.programs.optimised.order import ELEMENT, best_order
from gradscribe.derive.calculus.programs.optimised.running import running
from gradscribe.derive.ir.functions import Indicator, equal
from gradscribe.derive.ir.term import Access, Range, Statement, Term, accesses
from gradscribe.kept import kept

SIZE = Integer(16)
"""What a size that is no number counts as."""

ASKED = 32.0
"""What a summand weighs that a bracket is asked for."""

Extents = Mapping[Symbol, Expr]


def statements_work(statements: Iterable[Statement]) -> float:
    """The work of all of them."""
    return sum(work(s.term) for s in statements)


def extents_of(term: Term) -> dict[Symbol, Expr]:
    """The extent of each index."""
    return {r.index: r.extent for r in term.ranges}


def volume(indices: Iterable[Symbol], extents: Extents) -> float:
    """How many values these indices have together."""
    return prod((_number(extents[v]) for v in indices), start=1.0)


@kept(5_000)  # what stays as it is is weighed against everything that might take its place
def work(term: Term) -> float:
    """What a term takes."""
    found = as_factors(term)
    parts = Add.make_args(found.body) if term.is_sum else (found.body,)
    return sum(_of_product(part, found) for part in parts) + ELEMENT / 2 * volume(
        (r.index for r in term.free), extents_of(term)
    )


def looked_up(factor: Expr, indices: Collection[Symbol]) -> Symbol | None:
    """The index that a bracket names by a label: there is no loop over it."""
    if not isinstance(factor, equal) or not accesses(factor):
        return None
    return next((e for e in factor.args if e in indices), None)


def _of_product(body: Expr, term: Term) -> float:
    extents = extents_of(term)
    factors = [f for f in Mul.make_args(body) if f.free_symbols & extents.keys()]
    named = {found for f in factors if (found := looked_up(f, extents)) is not None}
    left = {v: e for v, e in extents.items() if v not in named}
    brackets = [f for f in factors if isinstance(f, Indicator) and looked_up(f, extents) is None]
    rest = [f for f in factors if not isinstance(f, Indicator)]
    bound = {r.index for r in term.bound} & left.keys()
    every = volume(left, left)
    if not bound:
        return ELEMENT * every + _arrays_before((f for f in rest if f.free_symbols & left.keys() < left.keys()), left)
    run = running(term) if brackets else frozenset()
    if run:
        return ELEMENT * volume((v for v in left if v not in run), left)
    groups = _merged([f.free_symbols & left.keys() for f in rest])
    if len([g for g in groups if g & bound]) < 2 or not all(_is_operand(f, left) for f in rest):
        return ELEMENT * every
    if brackets:
        return ASKED * every
    order, _ = best_order(groups, left.keys() - bound, lambda indices: volume(indices, left))
    return _arrays_before(rest, left) + order


def _arrays_before(factors: Iterable[Expr], extents: Extents) -> float:
    """What the factors take that are no elements: arrays of their own, which are read then."""
    made = (f for f in factors if not isinstance(f, Access))
    return sum(2 * ELEMENT * volume(f.free_symbols & extents.keys(), extents) for f in made)


def _is_operand(factor: Expr, extents: Extents) -> bool:
    """Whether a matrix product reads it as an array: an element of a tensor, or what is made of whole tensors."""
    return isinstance(factor, Access) or all(
        e.is_Symbol or not e.free_symbols & extents.keys() for a in accesses(factor) for e in a.indices
    )


def _merged(groups: Iterable[set[Symbol]]) -> list[set[Symbol]]:
    """The sets without those that are parts of others."""
    found: list[set[Symbol]] = []
    for group in sorted(groups, key=len, reverse=True):
        if not any(group <= other for other in found):
            found.append(group)
    return found


def _number(extent: Expr) -> float:
    if extent.is_Symbol:
        return float(SIZE)
    return max(1.0, float(extent.xreplace(dict.fromkeys(extent.free_symbols, SIZE))))


def ranges_of(indices: Iterable[Symbol], extents: Extents) -> tuple[Range, ...]:
    """Ranges of these indices."""
    return tuple(Range(v, extents[v]) for v in indices)
