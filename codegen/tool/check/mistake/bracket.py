"""A gradient as it is where no bracket holds back a value: NaN and infinities that a factor 0 would not undo."""

from dataclasses import replace

import numpy as np
from sympy import Expr, Integer

from gradscribe.codegen.tool.check.mistake.chain import Chain, Mistake
from gradscribe.codegen.tool.check.trial.case import Case
from gradscribe.derive.ir.functions import is_indicator


def without_brackets(case: Case, name: str) -> np.ndarray | None:
    """The gradient of input `name` with 1 for every bracket that is a factor in it; None where it has none."""
    adjoint = case.problem.gradient.adjoint(name)
    if adjoint is None:
        return None
    chain = Chain(case.problem, adjoint)
    if not any(_brackets(s.term.body) for s in chain.statements):
        return None
    statements = tuple(
        replace(s, term=replace(s.term, body=s.term.body.xreplace(dict.fromkeys(_brackets(s.term.body), Integer(1)))))
        for s in chain.statements
    )
    with np.errstate(all="ignore"):
        return Mistake((), statements, chain.target, adjoint).value(case)


def _brackets(body: Expr) -> set[Expr]:
    return {part for node in (body, *body.atoms(Expr)) for part in node.args if is_indicator(part)} | (
        {body} if is_indicator(body) else set()
    )
