"""Operator forms as text: δ ∗ w, x ⋆ δ, δ wᵀ, in parentheses where two operations meet."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

from sympy import Add, Expr, Mul

from gradscribe.derive.derivation.forms.caption.words.signs import (
    Added,
    Apart,
    Convolved,
    Correlated,
    Element,
    Elementwise,
    Every,
    Kronecker,
    Matrices,
    Matrix,
    OneHot,
    Ones,
    OperatorSign,
    Reshaped,
    Rotated,
    Same,
    Scaled,
    Shifted,
    Total,
    Transposed,
    Unpooled,
)
from gradscribe.derive.ir.reductions import SUM
from gradscribe.derive.ir.term import Access
from gradscribe.derive.typeset.terms.expressions.format_signs import FormatSigns
from gradscribe.derive.typeset.terms.row_pieces import Operand, Part, text_of

CALLED = {Unpooled: "unpool", OneHot: "onehot", Reshaped: "reshape", Shifted: "shift"}
"""The signs that are written as functions."""
COMPOUND = (Add, Mul, Added, Scaled, Convolved, Correlated, Kronecker, Elementwise, Matrices, Total)
"""What stands in parentheses where it is an operand."""


class OperatorWriter(FormatSigns, ABC):
    """Writes operations on whole tensors; subclasses say how expressions and the signs look."""

    hadamard: str
    convolution: str
    correlation: str
    kronecker: str
    apart: str
    every: str
    cross: str
    inline = True
    """Whether a gradient's quotient stands on one line, so that what follows would seem to be below its stroke."""
    beside = " "
    """What stands behind a number, so that 1/N (a - b) is not divided by the sum."""

    @abstractmethod
    def _transposed(self, name: str, enclosed: bool) -> str:
        """A matrix with its sign; `enclosed` in parentheses already, or put into them where a name needs it."""

    @abstractmethod
    def _rotated(self, name: str) -> str: ...
    @abstractmethod
    def _hat(self, tensor: str) -> str: ...
    @abstractmethod
    def _ones(self, extents: str) -> str: ...

    def operands(self, e: Expr) -> list[Operand]:
        """An expression in parts, all but the first behind a sign: a line may end between them."""
        match e:
            case Same():
                return _signed(" = ", [self.operands(a) for a in e.args])
            case Added():
                return [part for n, a in enumerate(e.args) for part in self._summand(a, n > 0)]
            case Convolved() | Correlated() | Kronecker() | Elementwise():
                sign = {Convolved: self.convolution, Correlated: self.correlation, Kronecker: self.kronecker}
                last = e.args[-1] if isinstance(e, Elementwise) else None  # a sum at the end needs no parentheses
                sides = [self.operands(a) if a is last and isinstance(a, Total) else self._sides(a) for a in e.args]
                return _signed(f" {sign.get(type(e), self.hadamard)} ", sides)
            case Scaled():
                negative = e.args[0].could_extract_minus_sign()
                size = -e.args[0] if negative else e.args[0]
                number = f"{self.expr(size, tight=True)}{self.beside}" if size != 1 else ""
                first, *others = (self.operands if isinstance(e.args[1], Total) else self._sides)(e.args[1])
                return [replace(first, text=f"{self.minus if negative else ''}{number}{first.text}"), *others]
            case Total():
                over = text_of(self._reduction(SUM, [[Part(self.expr(v)) for v in e.args[1:]]]))
                first, *others = self._summed(e.args[0])
                return [replace(first, text=f"{over} {first.text}"), *(replace(part, inner=True) for part in others)]
        return [Operand(self.expr(e))]

    def _summed(self, e: Expr) -> list[Operand]:
        """What stands behind the sign of a sum, in parts."""
        if isinstance(e, Add | Mul):
            return [Operand(self.expr(e, tight=True))]
        return self._sides(e) if isinstance(e, Added) else self.operands(e)

    def operator(self, e: OperatorSign) -> str:
        """An operation on whole tensors."""
        args = e.args
        match e:
            case Same() | Added() | Convolved() | Correlated() | Kronecker() | Elementwise() | Scaled() | Total():
                return text_of(self.operands(e))
            case Matrices():
                return " ".join([*map(self._multiplied, args[:-1]), self._side(args[-1])])
            case Apart() | Every():
                steps = ",".join(self.expr(a) for a in args[1:])
                steps = self._parens(steps) if len(args) > 2 or isinstance(args[1], Add | Mul) else steps
                return f"{self._alone(args[0])}{self.apart if isinstance(e, Apart) else self.every}{steps}"
            case Element():
                return self._ordered(args[1:]).expr(args[0])
            case Matrix():
                return self._hat(args[0].tensor)
            case Unpooled() | OneHot() | Reshaped() | Shifted():
                return self._call(CALLED[type(e)], [self.expr(a) for a in args])
            case Ones():
                return self._ones(self.cross.join(self.expr(a, tight=True) for a in args))
            case Rotated():
                return self._rotated(self._alone(args[0]))
            case Transposed():
                return self._transposed(self._side(args[0]), enclosed=isinstance(args[0], COMPOUND))
        raise TypeError(f"{type(e).__name__} is not written")

    def _summand(self, e: Expr, follows: bool) -> list[Operand]:
        """A summand in parts; its sign stands before it unless it is the first, and positive."""
        negative = isinstance(e, Scaled) and e.args[0].could_extract_minus_sign()
        shown = e
        if isinstance(e, Scaled) and negative:
            shown = e.args[1] if e.args[0] == -1 else Scaled(-e.args[0], e.args[1])
        plain = isinstance(shown, Scaled | Matrices | Total | Elementwise)  # a ⊙ b + c ⊙ d
        first, *others = self.operands(shown) if plain else self._sides(shown)
        sign = self.minus if negative else "+"
        before = f" {sign} " if follows else sign if negative else ""
        return [replace(first, text=before + first.text), *(replace(part, inner=True) for part in others)]

    def _alone(self, e: Expr) -> str:
        """What a sign beside it would not take apart."""
        quotient = isinstance(e, Access) and e.tensor in self.notation.quotients
        return self._parens(self.expr(e)) if quotient else self._side(e)

    def _multiplied(self, e: Expr) -> str:
        """A matrix before another one."""
        plain = e.args[0] if isinstance(e, Matrix) else e
        quotient = isinstance(plain, Access) and plain.tensor in self.notation.quotients
        return self._parens(self.expr(e)) if quotient and self.inline else self._side(e)

    def _side(self, e: Expr) -> str:
        """An operand, in parentheses where it is an operation itself."""
        return text_of(self._sides(e))

    def _sides(self, e: Expr) -> list[Operand]:
        """The same in parts."""
        parts = self.operands(e)
        if not isinstance(e, COMPOUND):
            return parts
        if isinstance(e, Added):  # within parentheses a line may end between summands alone
            parts = [Operand(text_of(self._summand(a, n > 0))) for n, a in enumerate(e.args)]
        opening, closing = self._around(text_of(parts))
        texts = [part.text for part in parts]
        texts[0] = opening + texts[0]
        texts[-1] += closing
        return [Operand(text, n > 0) for n, text in enumerate(texts)]


def _signed(sign: str, operands: Sequence[Sequence[Operand]]) -> list[Operand]:
    """The parts of all operands, a sign between two of these."""
    first, *others = operands
    return [*first, *(part for start, *rest in others for part in (replace(start, text=sign + start.text), *rest))]
