"""Differences that a forward tensor holds already are read from it: u - m is h*sqrt(v) where h = (u - m)/sqrt(v).

What is read less need not be kept: a normalisation keeps h, and no longer u and m beside it.
"""

from collections.abc import Sequence
from dataclasses import replace

import sympy
from sympy import Add, Expr, Mul

from gradscribe.derive.calculus.passes.inline import is_inside, is_pointwise
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Access, Program, Statement, Term, accesses


def recalled(program: Program, forward: Program) -> Program:
    """`program` with every sum of accesses that is a factor of a forward tensor read from that tensor.

    Args:
        program: a checked program that may read the tensors of `forward`.
        forward: the forward equations.
    """
    known = [found for s in forward.statements if (found := _split(s, forward)) is not None]
    statements = tuple(replace(s, term=_recalled(s.term, known)) for s in program.statements)
    return replace(program, statements=statements)


def _split(statement: Statement, program: Program) -> tuple[Statement, Expr] | None:
    """A pointwise definition ``h = difference * rest`` whose rest varies along fewer axes; and the difference."""
    if not is_pointwise(statement) or len(program.definitions(statement.target.name)) > 1:
        return None
    factors = Mul.make_args(statement.term.body)
    sums = [f for f in factors if isinstance(f, Add) and len(accesses(f)) > 1]
    if len(sums) != 1:
        return None
    rest = Mul(*(f for f in factors if f is not sums[0]))
    indices = set(statement.term.indices)
    fewer = rest.free_symbols & indices < indices
    return (statement, sums[0]) if fewer and rest != 1 and sums[0].free_symbols >= indices else None


def _recalled(term: Term, known: Sequence[tuple[Statement, Expr]]) -> Term:
    for statement, difference in known:
        term = _read(term, statement, difference) or term
    return term


def _read(term: Term, statement: Statement, difference: Expr) -> Term | None:
    """The term with one factor proportional to the difference read from the statement's tensor."""
    for factor in Mul.make_args(term.body):
        if not isinstance(factor, Add):
            continue
        place = _place(factor, statement, difference)
        if place is None:
            continue
        content, primitive = factor.primitive()
        own, wanted = difference.xreplace(place).primitive()
        sign = 1 if sympy.expand(primitive - wanted) == 0 else -1 if sympy.expand(primitive + wanted) == 0 else 0
        target = Access(statement.target.name, *(place[r.index] for r in statement.term.free))
        if not sign or not is_inside(target, term, statement):
            continue
        rest = Mul(*(f for f in Mul.make_args(statement.term.body) if f is not difference)).xreplace(place)
        others = Mul(*(f for f in Mul.make_args(term.body) if f is not factor))
        return replace(term, body=others * (sign * content / own) * target / rest)
    return None


def _place(factor: Expr, statement: Statement, difference: Expr) -> dict[Expr, Expr] | None:
    """Values of the statement's indices under which an access of the difference is one of the factor."""
    for pattern in accesses(difference):
        for candidate in accesses(factor):
            if pattern.tensor != candidate.tensor or len(pattern.indices) != len(statement.term.free):
                continue
            forms = [affine(e, statement.term.indices).plain() for e in pattern.indices]
            if all(v is not None for v in forms):
                return {v: e for v, e in zip(forms, candidate.indices, strict=True) if v is not None}
    return None
