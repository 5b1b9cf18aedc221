"""Sums over the axes of a window are taken in turn, where the factors beside it have an axis each.

y[n,i,j] = sum(r,t) w[r] v[t] x[n, i+r, j+t]   is
s[n,q,j] = sum(t) v[t] x[n, q, j+t];  y[n,i,j] = sum(r) w[r] s[n, i+r, j]

The position i+r is an index of its own in what is summed first: as many as x has, not as many as i and r have together.
"""

from collections.abc import Iterator, Sequence

from sympy import Expr, Mul, Symbol

from gradscribe.derive.calculus.programs.optimised.statement_work import extents_of, looked_up, volume
from gradscribe.derive.calculus.programs.optimised.temporaries import Temporaries
from gradscribe.derive.ir.functions import Indicator
from gradscribe.derive.ir.index import fresh_names, integer
from gradscribe.derive.ir.term import Access, Range, Term, accesses

HERE = integer("here")

LESS = 0.7
"""What is summed in turn has to take at most so many of the multiplications."""


def in_turn(term: Term, stem: str, made: Temporaries) -> Iterator[Term]:
    """The ways to sum some indices of a window before the others; the tensors that have these sums go to `made`.

    Whoever takes no way, or another one, has to put `made` back.

    Args:
        term: a sum of a product.
        stem: what the tensors are named after.
        made: takes them.
    """
    extents = extents_of(term)
    factors = Mul.make_args(term.body)
    if not term.is_sum or term.deltas or term.divisibilities or term.guards or len(term.bound) < 2:
        return
    if any(isinstance(f, Indicator) or looked_up(f, extents) is not None for f in factors):
        return
    for summed in _candidates(factors, tuple(r.index for r in term.bound)):
        first = [f for f in factors if f.free_symbols & set(summed)]
        places = _places(first, summed, term, made)
        if not places:
            continue
        inner = Mul(*first).xreplace({e: r.index for e, r in places.items()})
        wide = {**extents, **{r.index: r.extent for r in places.values()}}
        rest = term.without(*summed)
        before = volume(extents, extents)
        after = volume(inner.free_symbols & wide.keys(), wide) + volume(extents.keys() - set(summed), extents)
        if after > LESS * before:
            continue
        total = made.tensor(stem, inner, summed, wide).xreplace({r.index: e for e, r in places.items()})
        body = Mul(total, *(f for f in factors if f not in first))
        yield Term(rest.free, rest.bound, body)


def _candidates(factors: Sequence[Expr], bound: Sequence[Symbol]) -> Iterator[tuple[Symbol, ...]]:
    """The bound indices that the same factors have; a window without weights is summed as poolings are."""
    groups: dict[tuple[int, ...], list[Symbol]] = {}
    for v in bound:
        groups.setdefault(tuple(k for k, f in enumerate(factors) if v in f.free_symbols), []).append(v)
    yield from (tuple(found) for found in groups.values() if len(found) < len(bound))


def _places(factors: Sequence[Expr], summed: Sequence[Symbol], term: Term, made: Temporaries) -> dict[Expr, Range]:
    """The positions of several indices that the factors have nowhere else, each with an index of its own.

    One of the factors is an element there, so that the product is 0 where the position leaves the tensor.
    """
    found: dict[Expr, Range] = {}
    names = fresh_names(s.name for s in term.body.free_symbols | {r.index for r in term.ranges})
    for position in dict.fromkeys(e for f in factors if isinstance(f, Access) for e in f.indices):
        own = position.free_symbols & set(term.indices)
        if position.is_Symbol or not own or own & set(summed):
            continue
        extents = {made.shapes[a.tensor][k] for f in factors for a in accesses(f) for k in _axes(a, position)}
        if len(extents) == 1 and not any(own & f.xreplace({position: HERE}).free_symbols for f in factors):
            found[position] = Range(integer(next(names)), extents.pop())
    return found


def _axes(access: Access, position: Expr) -> Iterator[int]:
    return (k for k, e in enumerate(access.indices) if e.has(position))
