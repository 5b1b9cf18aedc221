"""A statement with one group writes ``u[n, i, j, q]`` where q is k: the index of the axis goes by the name k."""

from dataclasses import replace

from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Range, Term


def tidied(term: Term) -> Term:
    """Take away deltas ``[q == k]`` of a free index that occurs nowhere else and a bound one of the same extent."""
    for delta in term.deltas:
        form = affine(delta, term.indices)
        if form.offset != 0 or len(form.terms) != 2 or {c for _, c in form.terms} != {1, -1}:
            continue
        free = [v for v in form.indices if v in {r.index for r in term.free}]
        bound = [v for v in form.indices if v in {r.index for r in term.bound}]
        if len(free) != 1 or len(bound) != 1 or term.extent(free[0]) != term.extent(bound[0]):
            continue
        rest = tuple(d for d in term.deltas if d != delta)
        brackets = (*rest, *(g.value for g in term.guards), term.body)
        if any(free[0] in e.free_symbols for e in brackets):
            continue
        ranges = tuple(Range(bound[0], r.extent) if r.index == free[0] else r for r in term.free)
        return tidied(replace(term, free=ranges, deltas=rest).without(bound[0]))
    return term
