"""Gradient programs without the deltas that renaming and solving take away, so that their index boxes stay small."""

from dataclasses import replace

from gradscribe.derive.calculus.collapse import discharge, rename, solve
from gradscribe.derive.calculus.differentiate import Gradient
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Program, Statement, Term
from gradscribe.derive.ir.well_formed import check


def simplified(term: Term, source: Program) -> Term:
    """`term` after renaming, solving for every bound index of coefficient 1 and discharging guards."""
    term = rename(term)[0]
    while True:
        bound = {r.index for r in term.bound}
        pivots = [(d, v) for d in term.deltas for v, c in affine(d, term.indices).terms if v in bound and c in (1, -1)]
        if not pivots:
            return discharge(term, source)[0]
        term = solve(term, *pivots[0])


def simplified_program(source: Program) -> Program:
    """Every statement of `source` simplified."""
    return replace(source, statements=tuple(replace(s, term=simplified(s.term, source)) for s in source.statements))


def with_gradient(gradient: Gradient) -> Program:
    """Forward and gradient in one program whose outputs are the gradients of the inputs."""
    names = {t.name for t in gradient.forward.inputs}
    outputs = tuple(a.gradient.name for a in gradient.adjoints if a.tensor.name in names)
    statements = tuple(Statement(s.target, simplified(s.term, gradient.program)) for s in gradient.program.statements)
    inputs = gradient.forward.inputs + tuple(gradient.seeds.values())
    return check(Program(inputs, gradient.forward.statements + statements, outputs, gradient.forward.sizes))
