"""Scalar and integer expressions as text: order, signs, parentheses. Subclasses write LaTeX or plain text."""

from abc import ABC
from typing import Self

import sympy
from sympy import Add, Expr, Mul, Pow, Symbol

from gradscribe.derive.derivation.forms.caption.words.signs import OperatorSign
from gradscribe.derive.derivation.forms.example.spelling import Coordinates, Numeral, Spelt
from gradscribe.derive.derivation.forward.quotients import Partial, Reduced
from gradscribe.derive.derivation.letters.notation import Notation, monomial, monomials
from gradscribe.derive.derivation.record.sentence import (
    Below,
    Between,
    Equals,
    Hadamard,
    Inverse,
    Label,
    Letter,
    Measured,
    Place,
    Reference,
    Rounded,
    Scalar,
)
from gradscribe.derive.ir.reductions import SUM
from gradscribe.derive.ir.term import Access, InnerSum, accesses
from gradscribe.derive.typeset.terms.expressions.function_writer import FunctionWriter
from gradscribe.derive.typeset.terms.expressions.number_writer import NumberWriter
from gradscribe.derive.typeset.terms.expressions.operator_writer import OperatorWriter
from gradscribe.derive.typeset.terms.row_pieces import Operand, Part, text_of


class ExpressionWriter(OperatorWriter, NumberWriter, FunctionWriter, ABC):
    """Writes expressions; what kind of expression it is decides by which of its parts."""

    def expr(self, e: Expr, tight: bool = False) -> str:
        """Any expression; `tight` asks for parentheses around sums."""
        if isinstance(e, sympy.Poly):
            return "".join(self._sum(monomial(c * e.gen**k, self.indices, self.notation) for (k,), c in e.terms()))
        if isinstance(e, Add):
            text = text_of(self.operands(e))
            return self._parens(text) if tight else text
        if isinstance(e, Mul) or (e.is_Number and e < 0):
            part = monomial(e, self.indices, self.notation)
            text = (self.minus if part.negative else "") + self._product(part)
            return self._parens(text) if tight and part.negative else text
        return self._atom(e)

    def parted(self, e: Expr, tight: bool = False) -> tuple[Part, ...]:
        """An expression in parts with which a line may begin; of an equation those of its right side."""
        if not isinstance(e, Equals):
            return super().parted(e, tight)
        sign = " = " if e.has(OperatorSign, Partial) else "="
        return Part(self.expr(e.args[0]) + sign), *super().parted(e.args[1])

    def operands(self, e: Expr) -> list[Operand]:
        """An expression in parts, all but the first behind a sign: a line may end between them."""
        if not isinstance(e, Add):
            return super().operands(e)
        return [Operand(text) for text in self._sum(monomials(e, self.indices, self.notation))]

    def _atom(self, e: Expr) -> str:
        if isinstance(e, Symbol):
            return self._symbol(e)
        if e is sympy.pi:
            return self.pi
        if e.is_Number:
            return self.number(e)
        if isinstance(e, Access):
            return text_of(self.access(e))
        if isinstance(e, Pow):
            return self._raised(e)
        if isinstance(e, InnerSum):
            inner = self.inside(e)
            sign = self._reduction(SUM, [[Part(self.expr(r.index)) for r in e.ranges]])
            return f"{text_of(sign)} {inner.expr(e.body, tight=True)}"
        if isinstance(e, Partial):
            return " ".join(text_of(found) for found in self.quotient(e))
        if isinstance(e, Reduced):
            term = e.term()
            sign = self._reduction(term.reduction, [[Part(self.expr(r.index)) for r in term.bound]])
            inner = self._ordered(self.notation.in_order(dict.fromkeys((*self.indices, *term.indices))))
            return f"{text_of(sign)} {inner.expr(term.body, tight=True)}"
        if isinstance(e, Numeral | Spelt):
            return self.numeral(e) if isinstance(e, Numeral) else self.spelt(e)
        if isinstance(e, Coordinates):
            return self._parens(",".join(self.expr(a) for a in e.args))
        if isinstance(e, Letter):
            name = e.access.tensor
            return self._scalar("delta") if name in self.notation.deltas else self.letter(name)
        if isinstance(e, Reference | Place):
            return self.reference(e)
        if isinstance(e, Label):
            return self._level(e.word)
        if isinstance(e, Scalar):
            return self._scalar(e.word)
        if isinstance(e, Below):
            return f"{self.expr(e.args[0])}<{self.expr(e.args[1])}"
        if isinstance(e, Between):
            return self._between(self.expr(e.args[0]), self.expr(e.args[1]))
        if isinstance(e, Hadamard):
            return self.hadamard
        if isinstance(e, Rounded):
            return self.rounded
        if isinstance(e, Measured):
            return self.figure(e)
        if isinstance(e, Equals):
            return text_of(self.parted(e))
        if isinstance(e, OperatorSign):
            return self.operator(e)
        if isinstance(e, Inverse):
            return self._power(self._atom(e.args[0]), f"{self.minus}1")
        return self._function(e)

    def inside(self, total: InnerSum) -> Self:
        """The same for what is summed within a body."""
        return self._ordered((*self.indices, *_indices(total, self.notation)))

    def quotient(self, e: Partial) -> list[tuple[Part, ...]]:
        """A derivative; of what defines an element two of them, between which a line may end."""
        upper, lower = self._atom(e.upper), self._atom(e.lower)
        if isinstance(e.upper, Reduced):
            return [(Part(self._derivative_by(lower)),), (Part(upper),)]
        return [self._partial(upper, lower)]


def _indices(total: InnerSum, notation: Notation) -> tuple[Symbol, ...]:
    """The indices that the accesses of a sum have, its own last."""
    own = [r.index for r in total.ranges]
    found = {v for a in accesses(total.body) for e in a.indices for v in e.free_symbols} - {*own, *notation.sizes}
    found = {v for v in found if not v.name[0].isupper()}
    return (*sorted(found, key=str), *own)
