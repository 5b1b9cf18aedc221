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
from gradscribe.derive.typeset.terms.row_pieces import Part

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
            name, exponent = FUNCTION_NAMES[e.base.func], self.expr(e.exp)
            return self._call(name, [self.expr(a) for a in e.base.args], exponent)
        base = self.expr(e.base)
        compound = not isinstance(e.base, Symbol | Access | Numeral | sympy.Abs | sympy.NumberSymbol) or "^" in base
        fraction = e.exp.is_Rational and not e.exp.is_Integer
        exponent = self._ratio(str(e.exp.p), str(e.exp.q)) if fraction else self.expr(e.exp)
        return self._power(self._parens(base) if compound else base, exponent)

    def _function(self, e: Expr) -> str:
        args = e.args
        if isinstance(e, floordiv):
            return self._floor(self.expr(args[0]), self.expr(args[1]))
        if isinstance(e, mod):
            return self._modulo(self.expr(args[0], tight=True), self.expr(args[1], tight=True))
        if isinstance(e, exact):
            return self._ratio(self.expr(args[0], tight=True), self.expr(args[1], tight=True))
        if is_indicator(e):
            return "".join(part.text for part in self.bracket(e))
        if isinstance(e, sympy.Abs):
            return self._absolute(self.expr(args[0]))
        if isinstance(e, floor | ceil):
            return self._stepped(self.expr(args[0]), isinstance(e, ceil))
        if isinstance(e, whole):
            return self.expr(args[0])
        if isinstance(e, relu):
            return self._call("max", ["0", self.expr(args[0])])
        if isinstance(e, larger | smaller):
            found = sorted(args, key=lambda a: a != 0)
            return self._call("max" if isinstance(e, larger) else "min", [self.expr(a) for a in found])
        if isinstance(e, decreed):
            return self._call(e.rule.name, [self.expr(a) for a in e.given])
        if isinstance(e, activation | activation_prime):
            head = self._name(self._activation(int(isinstance(e, activation_prime))))
            return f"{head}({self.expr(args[0])})"
        return self._call(FUNCTION_NAMES.get(e.func, e.func.__name__), [self.expr(a) for a in args])

    def bracket(self, e: Expr) -> tuple[Part, ...]:
        """An Iverson bracket."""
        return Part("["), *self._relation(e), Part("]")

    def relation(self, bracket: Expr) -> str:
        """What stands in a bracket."""
        return "".join(part.text for part in self._relation(bracket))

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
