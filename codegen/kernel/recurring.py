"""Recurrences as a backend computes them: what a statement does at one position, the position being a number."""

from dataclasses import replace
from itertools import count

from sympy import S, Symbol

from gradscribe.derive.calculus.collapse import discharge, rename, solve
from gradscribe.derive.ir.index import affine, integer
from gradscribe.derive.ir.recurrence import Recurrence
from gradscribe.derive.ir.term import Guard, Program, Statement, Term


def positioned(statement: Statement, recurrence: Recurrence, program: Program, index: Symbol) -> Statement:
    """A statement of a recurrence whose position is `index`, an axis of its target that no delta speaks of.

    Args:
        statement: the statement.
        recurrence: the recurrence.
        program: the program that it is a part of.
        index: what the position is called; no tensor and no size is called so.
    """
    own = recurrence.along(statement).index
    term, _ = rename(_gathered(statement.term, own, program))
    return replace(statement, term=_apart(term, own, index).rename({own: index}))


def _gathered(term: Term, own: Symbol, program: Program) -> Term:
    """The term without deltas in which its position stands: what they say of it is put in, or asked."""
    while delta := next((d for d in term.deltas if own in d.free_symbols), None):
        bound = [r.index for r in term.bound if affine(delta, term.indices).coefficient(r.index) in (1, -1)]
        if bound:
            term = solve(term, delta, bound[0])
        else:
            others = tuple(d for d in term.deltas if d != delta)
            term = replace(term, deltas=others, guards=(*term.guards, Guard(delta, S.One)))
    return discharge(term, program)[0]


def _apart(term: Term, own: Symbol, index: Symbol) -> Term:
    """The term with another letter for an index that is called as the position is."""
    taken = {r.index.name for r in term.ranges} | {index.name}
    clash = [r.index for r in term.ranges if r.index == index != own]
    return term.rename({v: integer(next(n for k in count(1) if (n := f"{v.name}{k}") not in taken)) for v in clash})
