"""Functions, powers, and what stands in brackets."""

from abc import ABC
from collections.abc import Sequence

import sympy
from sympy import Add, Expr, Mul, Pow, Symbol

from gradscribe.derive.derivation.forms.caption.words.signs import OperatorSign
from gradscribe.derive.derivation.forms.example.spelling import Numeral
from gradscribe.derive.ir.functions import (
    activation,
    activation_prime,
    at_least,
    ceil,
    connected,
    decreed,
    divides,
    equal,
    floor,
    greater,
    is_indicator,
    larger,
    relu,
    rounded,
    sigmoid,
    smaller,
    step,
    unequal,
    whole,
)
from gradscribe.derive.ir.index import choose, exact, floordiv, minimum, mod
from gradscribe.derive.ir.term import Access
from gradscribe.derive.typeset.terms.expressions.product_writer import ProductWriter, is_inverse
from gradscribe.derive.typeset.terms.row_pieces import Part, text_of

FUNCTION_NAMES = {
    sympy.exp: "exp",
    sympy.log: "log",
    sympy.tanh: "tanh",
    sympy.sin: "sin",
    sympy.cos: "cos",
    sympy.tan: "tan",
    sympy.asin: "arcsin",
    sympy.acos: "arccos",
    sympy.atan: "arctan",
    sympy.asinh: "arsinh",
    sympy.acosh: "arcosh",
    sympy.atanh: "artanh",
    sympy.sinh: "sinh",
    sympy.cosh: "cosh",
    sympy.sign: "sign",
    sigmoid: "sigma",
    rounded: "round",
    minimum: "min",
    choose: "choose",
}


class FunctionWriter(ProductWriter, ABC):
    """Writes functions by their names, powers and relations."""

    def _raised(self, e: Expr) -> str:
        if e.exp == -1:
            return self._fraction("1", self.expr(e.base), not isinstance(e.base, Add | Mul))
        if e.exp == sympy.Rational(1, 2):
            return self._root(self.expr(e.base))
        if is_inverse(e):
            return self._fraction("1", self._raised(Pow(e.base, -e.exp)), True)
        if e.base.func in FUNCTION_NAMES and e.exp.is_Integer:
            return text_of(self._called(e))
        base = self.expr(e.base)
        compound = not isinstance(e.base, Symbol | Access | Numeral | sympy.Abs | sympy.NumberSymbol) or "^" in base
        fraction = e.exp.is_Rational and not e.exp.is_Integer
        exponent = self._ratio(str(e.exp.p), str(e.exp.q)) if fraction else self.expr(e.exp)
        return self._power(self._parens(base) if compound else base, exponent)

    def _function(self, e: Expr) -> str:
        written = self._by_signs(e)
        return written if written is not None else text_of(self._called(e))

    def _by_signs(self, e: Expr) -> str | None:
        """A function that has signs of its own; None of one that is written by its name."""
        args = e.args
        if isinstance(e, floordiv):
            return self._floor(self.expr(args[0]), self.expr(args[1]))
        if isinstance(e, mod):
            return self._modulo(self.expr(args[0], tight=True), self.expr(args[1], tight=True))
        if isinstance(e, exact):
            return self._ratio(self.expr(args[0], tight=True), self.expr(args[1], tight=True))
        if is_indicator(e):
            return text_of(self.bracket(e))
        if isinstance(e, sympy.Abs):
            return self._absolute(self.expr(args[0]))
        if isinstance(e, floor | ceil):
            return self._stepped(self.expr(args[0]), isinstance(e, ceil))
        if isinstance(e, whole):
            return self.expr(args[0])
        return None

    def parted(self, e: Expr, tight: bool = False) -> tuple[Part, ...]:
        """An expression in parts; a line may begin with a summand, and if that is not enough with one in a function."""
        if isinstance(e, Add):
            opening, closing = self._around(self.expr(e)) if tight else ("", "")
            return Part(opening), *self._summands_of(e, 2), Part(closing)
        base = e.base if isinstance(e, Pow) and e.exp.is_Integer and e.exp > 0 else e
        if isinstance(base, sympy.Function) and (base is e or base.func in FUNCTION_NAMES) and not self._by_signs(base):
            return self._called(e)
        return (Part(self.expr(e, tight)),)

    def _summands_of(self, e: Expr, level: int) -> list[Part]:
        """The parts of a sum, or all of what is none; a line may begin with any but the first."""
        return [Part(operand.text, begins=level if n else 0) for n, operand in enumerate(self.operands(e))]

    def _called(self, e: Expr) -> tuple[Part, ...]:
        """A function with its arguments, or a power of one; a line may begin with an argument, or with a summand."""
        exponent = self.expr(e.exp) if isinstance(e, Pow) else ""
        head, arguments = self._headed(e.base if isinstance(e, Pow) else e, exponent)
        parts = [Part(f"{head}(")]
        for n, argument in enumerate(arguments):
            first, *others = self._summands_of(argument, 3)
            comma = [Part(self.comma), Part(self.space, begins=3)] if n else []
            parts += [*comma, first, *others]
        return (*parts, Part(")"))

    def _headed(self, e: Expr, exponent: str) -> tuple[str, Sequence[Expr]]:
        """What stands before the arguments of a function, and these as they are written."""
        if isinstance(e, activation | activation_prime):
            return self._name(self._activation(int(isinstance(e, activation_prime)))), e.args
        if isinstance(e, relu):
            return self._head("max", exponent), (sympy.Integer(0), *e.args)
        if isinstance(e, larger | smaller):
            name = "max" if isinstance(e, larger) else "min"
            return self._head(name, exponent), sorted(e.args, key=lambda a: a != 0)
        if isinstance(e, decreed):
            return self._head(e.rule.name, exponent), e.given
        return self._head(FUNCTION_NAMES.get(e.func, e.func.__name__), exponent), e.args

    def bracket(self, e: Expr) -> tuple[Part, ...]:
        """An Iverson bracket."""
        return Part("["), *self._relation(e), Part("]")

    def relation(self, bracket: Expr) -> str:
        """What stands in a bracket."""
        return text_of(self._relation(bracket))

    def _relation(self, bracket: Expr) -> tuple[Part, ...]:
        """The same in parts; a line may begin with the sign before the place of a maximum."""
        found = (a for a in bracket.args if isinstance(a, Access) and a.tensor in self.notation.places)
        place = next(found, None) if isinstance(bracket, equal) else None
        if place is None:
            return (Part(self._compared(bracket)),)
        left, right = self.placed(next(a for a in bracket.args if a is not place), place)
        parts = self.access(right) if isinstance(right, Access) else (Part(self.expr(right)),)
        return Part(left), Part("=", begins=1), *parts

    def _connected(self, word: str, conditions: Sequence[Expr]) -> str:
        """Conditions with signs of logic."""
        parts = [[self.relation(f) for f in Mul.make_args(c)] for c in conditions]
        if word == "not":
            inner = self.conjunction.join(parts[0])
            return f"{self.negation}{self._parens(inner)}"
        return self.disjunction.join(self._parens(self.conjunction.join(p)) if len(p) > 1 else p[0] for p in parts)

    def _compared(self, bracket: Expr) -> str:
        found = connected(bracket)
        if found is not None:
            return self._connected(*found)
        args = bracket.args
        space = " " if bracket.has(OperatorSign) else ""
        if isinstance(bracket, step):
            return f"{self.expr(args[0])}{space}>{space}0"
        if isinstance(bracket, equal):
            plain = isinstance(args[0], Symbol | Access) or not isinstance(args[1], Access)
            first, second = args if plain else args[::-1]
            return f"{self.expr(first)}={self.expr(second)}"
        if isinstance(bracket, divides):
            return self._divides(self.expr(args[0]), self.expr(args[1]))
        relation = {greater: ">", at_least: self.at_least, unequal: self.unequal}[bracket.func]
        turned = args[1].has(Access) and not args[0].has(Access)  # [x < 1] rather than [1 > x]
        if turned or (args[0].is_number and not args[1].is_number):
            args, relation = args[::-1], {greater: "<", at_least: self.at_most}.get(bracket.func, relation)
        return f"{self.expr(args[0])}{space}{relation}{space}{self.expr(args[1])}"
