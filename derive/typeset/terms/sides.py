"""The two sides of an equation, whatever record it is: the left one as text, the right one as pieces."""

from collections.abc import Sequence
from dataclasses import dataclass

from gradscribe.derive.derivation.record.page_record import Definition
from gradscribe.derive.derivation.record.section_record import Formula, Step
from gradscribe.derive.derivation.record.sentence import Words
from gradscribe.derive.ir.term import Term
from gradscribe.derive.typeset.terms.row_pieces import Piece, plain
from gradscribe.derive.typeset.terms.typesetter import Typesetter
from gradscribe.said import say

OVER: Words = say("over")
"""Stands between a reduction and what restricts it."""


@dataclass(frozen=True)
class Sides:
    """An equation as it is written.

    Attributes:
        left: the left side.
        right: the right side.
        conditions: what restricts the reduction on the right side.
        sign: what stands between the sides.
    """

    left: str
    right: Sequence[Piece]
    conditions: tuple[str, ...] = ()
    sign: str = "="


def sides(equation: Definition | Step | Formula, t: Typesetter) -> Sides:
    """How `t` writes an equation; the right side of a formula must not be a matrix."""
    if isinstance(equation, Step):
        return Sides(left(equation, t), t.row(equation))
    if isinstance(equation, Definition):
        sign = t.becomes if equation.becomes else "="
        conditions = (c for term in equation.terms for c in t.within(term).conditions(term))
        return Sides(t.within(equation.terms[0]).expr(equation.left), t.definition(equation), tuple(conditions), sign)
    if isinstance(equation.right, Term):
        right: Sequence[Piece] = t.within(equation.right).summand(equation.right, (), False)
    else:
        operands = enumerate(t.operands(equation.right))
        right = [Piece((plain(p.text),), "" if p.inner or not n else "~", nested=p.inner) for n, p in operands]
    return Sides(t.expr(equation.left), right)


def left(step: Step, t: Typesetter) -> str:
    """The left side of a row, its indices in the order that the element has them in, digits in that of their ranges."""
    digits = (v for term in step.terms[:1] for v in term.indices if v not in step.left.indices)
    return type(t)(step.notation, (*step.left.indices, *digits)).expr(step.left)
