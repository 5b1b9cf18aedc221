"""Rewrites of a Term besides the collapse of deltas: idle sums, reversed sums, and names for what is known.

count     v occurs nowhere:   the sum over v becomes its extent
reverse   v bound:            v becomes extent(v) - 1 - v, which runs over the same range
fold      the body of a let:  becomes that let
distribute  a factor that is a sum:  sum(a * sum(b)) becomes sum(a * b)
"""

from collections.abc import Sequence
from dataclasses import replace

import sympy
from sympy import Expr, Mul, Symbol

from gradscribe.derive.calculus.collapse import discharge, expanded, normal_access, reaching_access
from gradscribe.derive.ir.index import affine, fresh_names, integer
from gradscribe.derive.ir.term import Access, Guard, Program, Statement, Term, accesses


def count(term: Term, program: Program) -> Term:
    """Discharge what holds, then replace the sum over each index that occurs nowhere by the factor of its extent."""
    if not term.is_sum:
        return term
    term, _ = discharge(term, program)
    brackets = (*term.deltas, *(g.value for g in term.guards), *(d.value for d in term.divisibilities))
    used = term.body.free_symbols.union(*(e.free_symbols for e in brackets))
    idle = [r for r in term.bound if r.index not in used]
    return replace(term, body=Mul(term.body, *(r.extent for r in idle))).without(*(r.index for r in idle))


def reverse(term: Term, *indices: Symbol) -> Term:
    """Run through the ranges of bound `indices` from their ends: v becomes extent(v) - 1 - v."""
    return expanded(term.substitute({v: term.extent(v) - 1 - v for v in indices}))


def fold(term: Term, let: Statement) -> Term:
    """Write the let's target for its body, an access or a quotient of accesses, where `term` has that factor."""
    if any(access.tensor == let.target.name for access in accesses(term.body)):
        return term
    factors = list(Mul.make_args(term.body))
    wanted = Mul.make_args(let.term.body)
    for candidate in accesses(term.body):
        place = _match(let, candidate)
        if place is None:
            continue
        parts = Mul.make_args(let.term.body.xreplace(place))
        if len(parts) == len(wanted) and all(p in factors for p in parts):
            rest = [f for f in factors if f not in parts]
            return replace(term, body=Mul(*rest, Access(let.target.name, *(place[r.index] for r in let.term.free))))
    return term


def _match(let: Statement, candidate: Access) -> dict[Expr, Expr] | None:
    """Values of the let's indices under which some access of its body is `candidate`; None when there are none."""
    for pattern in accesses(let.term.body):
        if pattern.tensor != candidate.tensor:
            continue
        place: dict[Expr, Expr] = {}
        for form, value in zip(pattern.indices, candidate.indices, strict=True):
            parts = affine(form, let.term.indices)
            if len(parts.terms) == 1:
                index, coefficient = parts.terms[0]
                place[index] = sympy.expand((value - parts.offset) / coefficient)
        if len(place) == len(let.term.free) and normal_access(pattern.xreplace(place)) == normal_access(candidate):
            return place
    return None


def distribute(term: Term, name: str, summands: Sequence[Term], program: Program) -> tuple[Term, ...]:
    """`term` with the sum of `summands` in place of its factor of tensor `name`: ``sum(a * sum(b)) = sum(a * b)``.

    Exact where the tensor is read once, as a factor of the whole product, all reductions are sums, and the summands
    have one free index for each axis, not the digits of one; then the indices of its access take their place. A bound
    index that is taken goes by another name (r becomes r'). An access outside the tensor reads 0, the summands may not:
    the ranges of the tensor become guards, which are discharged where possible. Elsewhere `term` comes back as it is.

    Brackets of the summands come to multiply the other factors too, so that these should be finite.
    """
    factors = Mul.make_args(term.body)
    read = [f for f in factors if isinstance(f, Access) and f.tensor == name]
    others = Mul(*(f for f in factors if f not in read))
    nested = any(a.tensor == name for a in accesses(others))
    if len(read) != 1 or nested or not all(t.is_sum for t in (term, *summands)):
        return (term,)
    if any(len(t.free) != len(read[0].indices) for t in summands):
        return (term,)
    return tuple(_product(term, others, read[0], s, program) for s in summands)


def _product(term: Term, others: Expr, read: Access, summand: Term, program: Program) -> Term:
    inner = summand.rename(_apart([r.index for r in summand.bound], term.indices, summand.indices))
    inner = inner.substitute(dict(zip((r.index for r in summand.free), read.indices, strict=True)))
    ranges = tuple(Guard(e, r.extent) for e, r in zip(read.indices, summand.free, strict=True))
    product = replace(
        term,
        bound=(*term.bound, *inner.bound),
        body=others * inner.body,
        deltas=(*term.deltas, *inner.deltas),
        guards=tuple(dict.fromkeys((*term.guards, *inner.guards, *ranges))),
        divisibilities=tuple(dict.fromkeys((*term.divisibilities, *inner.divisibilities))),
    )
    plain, _ = discharge(expanded(product), program)
    return replace(plain, guards=tuple(g for g in plain.guards if reaching_access(plain, g, program) is None))


def _apart(bound: Sequence[Symbol], taken: Sequence[Symbol], own: Sequence[Symbol]) -> dict[Symbol, Symbol]:
    """Other names for those of `bound` that are taken: with a prime, or another letter."""
    renames: dict[Symbol, Symbol] = {}
    busy = {v.name for v in (*taken, *own)}
    for index in bound:
        if index in taken:
            primed = f"{index.name}_prime"
            name = primed if primed not in busy else next(fresh_names(busy))
            busy.add(name)
            renames[index] = integer(name)
    return renames
