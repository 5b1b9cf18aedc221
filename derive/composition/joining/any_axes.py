"""One axis that stands for any number of axes, written out: ``z[e] = tanh(x[e])`` becomes ``z[n, i, j, k] = ...``."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice

from sympy import Expr, Integer, Symbol, prod

from gradscribe.derive.ir.index import fresh_names, integer
from gradscribe.derive.ir.term import Access, Program, Range, Statement, Tensor, Term, accesses


def written_out(program: Program, extents: Sequence[Expr], letters: Sequence[Symbol]) -> Program:
    """`program` with its raveled axis as axes of `extents`, whose indices are called `letters` where these are free."""
    raveled = [t for t in program.tensors.values() if t.ravel is not None]
    if not raveled:
        return program
    extent = raveled[0].shape[raveled[0].ravel or 0]
    places = {t.name: t.ravel for t in raveled}
    total = {extent: prod(extents, start=Integer(1))}
    taken = program.names()

    def tensor(t: Tensor) -> Tensor:
        if t.ravel is None:
            return replace(t, shape=tuple(e.xreplace(total) for e in t.shape))
        return replace(t, shape=(*t.shape[: t.ravel], *extents, *t.shape[t.ravel + 1 :]), ravel=None)

    def statement(s: Statement) -> Statement:
        used: dict[Symbol, tuple[Range, ...]] = {}
        busy = {v.name for v in s.term.indices}
        for r in s.term.ranges:
            if r.extent == extent:
                names = [v.name for v in letters] if not used else []
                names = [n for n in names if n not in busy] or list(islice(fresh_names(taken | busy), len(extents)))
                if len(names) < len(extents):
                    names = list(islice(fresh_names(taken | busy), len(extents)))
                used[r.index] = tuple(Range(integer(n), e) for n, e in zip(names, extents, strict=True))
                busy |= set(names)
        return replace(
            s,
            target=tensor(s.target),
            term=_expanded(s.term, used, places).substitute(total),
            argument=tensor(s.argument) if s.argument else None,
            ties=tensor(s.ties) if s.ties else None,
        )

    return replace(
        program,
        inputs=tuple(tensor(t) for t in program.inputs),
        statements=tuple(statement(s) for s in program.statements),
        sizes=tuple((symbol, e.xreplace(total)) for symbol, e in program.sizes),
    )


def _expanded(term: Term, used: Mapping[Symbol, tuple[Range, ...]], places: Mapping[str, int | None]) -> Term:
    """The term with several indices in place of each of `used`; elsewhere than in its axis it is their position."""
    if not used:
        return term
    mapping: dict[Expr, Expr] = {}
    for access in accesses(term.body):
        place = places.get(access.tensor)
        if place is not None:
            inner = [r.index for r in used[access.indices[place]]]
            mapping[access] = Access(access.tensor, *access.indices[:place], *inner, *access.indices[place + 1 :])
    rows = {v: _row_major(ranges) for v, ranges in used.items()}
    body = term.body.xreplace(mapping)
    return replace(
        term,
        free=tuple(x for r in term.free for x in used.get(r.index, (r,))),
        bound=tuple(x for r in term.bound for x in used.get(r.index, (r,))),
        body=body.xreplace(rows) if body.free_symbols & set(rows) else body,
    )


def _row_major(ranges: Sequence[Range]) -> Expr:
    value: Expr = Integer(0)
    for r in ranges:
        value = value * r.extent + r.index
    return value
