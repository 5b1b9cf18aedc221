"""Products that share all but one of their factors with their neighbours: computed together, one after the other.

    y[n, i] = prod over j of [j < i] x[n, j]         grows by one factor from i to i + 1, forwards or backwards
    others[n, j] = prod over m of [m != j] x[n, m]   is what stands before j times what stands behind it

Each costs as much as there are factors, where the definitions ask for all pairs. What such a product adds to the
gradient by its factors is the sum over i of [j < i] dy[n, i] others[n, i, j], with a product for every i that leaves
out j: that of what is before j, times a sum of products that grows from behind, R[j-1] = dy[j] + x[j] R[j].
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from sympy import Expr, Mul, expand

from gradscribe.derive.ir.functions import admitted, unequal
from gradscribe.derive.ir.index import affine, bounds, same
from gradscribe.derive.ir.term import Access, Guard, Range, Statement, Term, accesses, position


@dataclass(frozen=True)
class Running:
    """A reduction of a row of elements at every place of a row of results.

    Attributes:
        element: one element, with its own brackets and what is reduced before, over the axes of the target; in place of
            the axes of the row of results it has those of the row of elements.
        axis: which axis of the target the row of results is, the first one of several.
        places: the indices of that axis, or of those axes.
        first: forwards, the result at place 0 has so many elements, that at place p has p more; backwards, it has
            those from there on; None where a result has all but the element at its place.
        backwards: whether results have the elements from a place on.
    """

    element: Term
    axis: int
    places: tuple[Range, ...]
    first: Expr | None = None
    backwards: bool = False

    @property
    def row(self) -> tuple[Range, ...]:
        """The indices of the row of elements."""
        return self.element.free[self.axis : self.axis + len(self.places)]


def running(term: Term) -> Running | None:
    """How a product is computed together with its neighbours; None for any other term."""
    if not term.reduction.leaves_out or term.deltas or term.divisibilities:
        return None
    return next((found for found in (*_leaving_out(term), *_counting(term)) if found is not None), None)


def _leaving_out(term: Term) -> Iterator[Running | None]:
    """[m != j] for all indices m of the product."""
    for bracket in term.admission:
        if isinstance(bracket, unequal):
            others = admitted(Mul(*(b for b in term.admission if b != bracket)), term.value)
            body = others if others.args[0] != 1 else term.value
            for axis in range(len(term.free) - len(term.bound) + 1):
                places = term.free[axis : axis + len(term.bound)]
                pairs = zip(places, term.bound, strict=True)
                sides = {position(places), position(term.bound)}
                if sides == set(bracket.args) and all(same(p.extent, b.extent) for p, b in pairs):
                    yield _running(replace(term, body=body, bound=()), axis, places, term.bound)


def _counting(term: Term) -> Iterator[Running | None]:
    """[j < i] for one index j of the product, or likewise: how many elements there are grows with i."""
    for guard in term.guards:
        for axis, place in enumerate(term.free):
            for index in term.bound:
                form = affine(guard.value, term.indices)
                step = form.coefficient(place.index)
                rest = guard.value - step * (place.index - index.index)
                reach = bounds(guard.value, {r.index: r.extent for r in term.ranges})
                single = step in (1, -1) and not rest.free_symbols & set(term.indices)
                if not single or reach is None or not same(reach[1] + 1, guard.extent):
                    continue
                bound = tuple(r for r in term.bound if r != index)
                guards = tuple(g for g in term.guards if g != guard)
                left = replace(term, guards=guards, bound=bound)
                # i - j + c >= 0: the first i + c + 1 elements; j - i + c >= 0: those from i - c on
                yield _running(left, axis, (place,), (index,), rest + 1 if step == 1 else -rest, step == -1)


def _running(
    term: Term,
    axis: int,
    places: tuple[Range, ...],
    row: tuple[Range, ...],
    first: Expr | None = None,
    backwards: bool = False,
) -> Running | None:
    """The record, where nothing else depends on the place."""
    seen = (term.body, *(g.value for g in term.guards))
    if any(p.index in e.free_symbols for p in places for e in seen):
        return None
    free = (*term.free[:axis], *row, *term.free[axis + len(places) :])
    return Running(replace(term, free=free), axis, places, first, backwards)


@dataclass(frozen=True)
class Slopes:
    """A part of a sum that reads the others of a running product: what its factors get from all results.

    Attributes:
        product: the product that leaves out a factor.
        weights: what each result passes on, over the axes of the results.
        access: the element that stands for the part, of a tensor over the axes of the product's elements.
        rest: the sum with that instead.
    """

    product: Running
    weights: Term
    access: Access
    rest: Term


def running_others(others: Statement) -> tuple[Running, Guard] | None:
    """The running product whose factors are left out one by one, others[n, i, j], and its bracket [j < i]."""
    left_out = running(others.term)
    if left_out is None or left_out.first is not None or len(left_out.places) != 1:
        return None
    free = tuple(r for r in others.term.free if r not in left_out.places)
    whole = replace(left_out.element, free=free, bound=left_out.row)
    product = running(whole)
    if product is None or product.first is None:
        return None
    (bracket,) = (g for g in whole.guards if g not in product.element.guards)
    return product, bracket


def unmade(statements: Sequence[Statement], parts: Sequence[Sequence[Term | None]], kept: Collection[str]) -> set[str]:
    """The tensors of others that need not be made, as only such sums read them.

    Args:
        statements: those of a program.
        parts: the summands of each, None for one that is no plain term.
        kept: what is read behind them.
    """
    known = {s.target.name: s for s in statements if s.target.name not in kept and running_others(s) is not None}
    reading = [(s.term, terms) for s, terms in zip(statements, parts, strict=True)]
    for name, others in list(known.items()):
        readers = [terms for whole, terms in reading if any(a.tensor == name for a in accesses(whole.body))]
        own = [t for terms in readers for t in terms if t is None or any(a.tensor == name for a in accesses(t.body))]
        if any(t is None or slopes(t, others, "") is None for t in own):
            del known[name]
    return set(known)


def slopes(term: Term, others: Statement, name: str) -> Slopes | None:
    """The part of a sum that reads the others of a running product, if it can be computed factor by factor.

    Args:
        term: a sum without deltas.
        others: what defines the others.
        name: that of a tensor for the part.
    """
    found, factors = running_others(others), Mul.make_args(term.body)
    read = [f for f in factors if isinstance(f, Access) and f.tensor == others.target.name]
    if found is None or len(read) != 1 or not term.is_sum or term.deltas:
        return None
    product, bracket = found
    own = {r.index: e for r, e in zip(others.term.free, read[0].indices, strict=True)}
    ranges = {r.index: r for r in term.ranges}
    if len(set(own.values())) < len(own) or not all(e in ranges for e in own.values()):
        return None
    if not all(same(r.extent, ranges[own[r.index]].extent) for r in others.term.free):
        return None
    (result,), (row,) = product.places, product.row
    (factor,) = (r for r in others.term.free if all(r.index != v for v in (*product.element.indices, result.index)))
    place, left_out = ranges[own[result.index]], ranges[own[factor.index]]
    moved = bracket.substitute({**own, row.index: left_out.index})
    here = [g for g in term.guards if place.index in g.value.free_symbols]
    passed = [f for f in factors if f != read[0] and place.index in f.free_symbols]
    axes = tuple(ranges[own[r.index]] for r in others.term.free if r != factor)
    known = {r.index for r in axes}
    if place not in term.bound or [expand(g.value - moved.value) for g in here] != [0] or not passed:
        return None
    if any(f.free_symbols & set(term.indices) - known for f in passed):
        return None
    access = Access(name, *(left_out.index if r == place else r.index for r in axes))
    rest = replace(
        term,
        bound=tuple(r for r in term.bound if r != place),
        body=Mul(access, *(f for f in factors if f != read[0] and f not in passed)),
        guards=tuple(g for g in term.guards if g not in here),
    )
    return Slopes(product, Term(axes, (), Mul(*passed)), access, rest)
