"""Rewrites of a Term besides the collapse of deltas: idle sums, reversed sums, and names for what is known.

count     v occurs nowhere:   the sum over v becomes its extent
reverse   v bound:            v becomes extent(v) - 1 - v, which runs over the same range
fold      the body of a let:  becomes that let
"""

from dataclasses import replace

import sympy
from sympy import Expr, Mul, Symbol

from derive.collapse import discharge, expanded, normal_access
from derive.index import affine
from derive.term import Access, Program, Statement, Term, accesses


def count(term: Term, program: Program) -> Term:
    """Discharge what holds, then replace the sum over each index that occurs nowhere by the factor of its extent."""
    if term.op != "sum":
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
