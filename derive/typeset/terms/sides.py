"""The two sides of an equation, whatever record it is: the left one as text, the right one as pieces."""

from collections.abc import Sequence
from dataclasses import dataclass

from gradscribe.derive.derivation.record import Definition, Formula, Step
from gradscribe.derive.ir.term import Term
from gradscribe.derive.typeset.terms.expression_writer import Part
from gradscribe.derive.typeset.terms.typesetter import Piece, Typesetter

OVER = "over"
"""Stands between a reduction and what restricts it."""


@dataclass(frozen=True)
class Sides:
    """An equation as it is written; `conditions` restrict the reduction on its right side."""

    left: str
    right: Sequence[Piece]
    conditions: tuple[str, ...] = ()


def sides(equation: Definition | Step | Formula, t: Typesetter) -> Sides:
    """How `t` writes an equation; the right side of a formula must not be a matrix."""
    if isinstance(equation, Step):
        return Sides(left(equation, t), t.row(equation))
    if isinstance(equation, Definition):
        conditions = (c for term in equation.terms for c in t.within(term).conditions(term))
        return Sides(t.within(equation.terms[0]).expr(equation.left), t.definition(equation), tuple(conditions))
    if isinstance(equation.right, Term):
        right: Sequence[Piece] = t.within(equation.right).summand(equation.right, (), False)
    else:
        right = [Piece((Part(t.expr(equation.right)),), "")]
    return Sides(t.expr(equation.left), right)


def left(step: Step, t: Typesetter) -> str:
    """The left side of a row, its indices in the order that the element has them in."""
    return type(t)(step.notation, step.left.indices).expr(step.left)
