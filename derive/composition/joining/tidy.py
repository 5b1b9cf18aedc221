"""A layer's statement in a network, under the network's names; where it writes ``u[n, i, q]`` and q is k, k is it."""

from collections.abc import Mapping
from dataclasses import replace

from sympy import Expr, Integer

from gradscribe.derive.calculus.collapse import expanded
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Access, Program, Range, Statement, Tensor, Term, accesses


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


def moved(
    statement: Statement, names: Mapping[str, str], absent: Mapping[str, int], source: Program
) -> Statement | None:
    """The statement under the network's names; None where it adds nothing as an input is absent."""
    term = tidied(statement.term)
    mapping: dict[Expr, Expr] = {}
    for access in accesses(term.body):
        if access.tensor in absent:
            mapping[access] = Integer(absent[access.tensor])
        else:
            mapping[access] = Access(names[access.tensor], *access.indices)
    body = term.body.xreplace(mapping)
    if body == 0 and len(source.definitions(statement.target.name)) > 1:
        return None

    def tensor(t: Tensor | None) -> Tensor | None:
        return replace(t, name=names[t.name], optional=False) if t is not None else None

    target = tensor(statement.target)
    assert target is not None
    return Statement(target, expanded(replace(term, body=body)), tensor(statement.argument), tensor(statement.ties))
