"""Scalar and integer expressions as text: order, signs, parentheses. Subclasses write LaTeX or plain text."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sympy
from sympy import Add, Expr, Integer, Mul, Pow, Symbol

from gradscribe.derive.derivation.gradient.recognise import Transposed
from gradscribe.derive.derivation.notation import Monomial, Notation, monomial, monomials
from gradscribe.derive.derivation.record import (
    Between,
    Elementwise,
    Equals,
    Hadamard,
    Inverse,
    Matrices,
    Partial,
    Rounded,
)
from gradscribe.derive.ir.functions import (
    activation,
    activation_prime,
    at_least,
    equal,
    greater,
    is_indicator,
    larger,
    relu,
    sigmoid,
    smaller,
    step,
    unequal,
)
from gradscribe.derive.ir.index import choose, exact, floordiv, minimum, mod
from gradscribe.derive.ir.term import Access

FUNCTION_NAMES = {
    sympy.exp: "exp",
    sympy.log: "log",
    sympy.tanh: "tanh",
    sympy.sin: "sin",
    sympy.cos: "cos",
    sympy.atan: "arctan",
    sympy.sinh: "sinh",
    sympy.cosh: "cosh",
    sympy.sign: "sign",
    sigmoid: "sigma",
    activation: "f",
    activation_prime: "f'",
    minimum: "min",
    choose: "choose",
}


QUOTIENT = "quotient "
"""How the keys of partial derivatives begin."""


@dataclass(frozen=True)
class Part:
    """Text and what it stands for; a part without key is never marked as new."""

    text: str
    key: str = ""


class ExpressionWriter(ABC):
    """Writes expressions; the indices of the term at hand decide the order in sums."""

    def __init__(self, notation: Notation, indices: Sequence[Symbol] = ()) -> None:
        self.notation = notation
        self.indices = tuple(indices)

    # ----- what a format must say ---------------------------------------------------------------------------------
    minus: str
    hadamard: str
    rounded: str
    pi: str
    infinity: str
    at_least: str
    at_most: str
    unequal: str

    @abstractmethod
    def power_of_ten(self, mantissa: str, exponent: int) -> str:
        """``4e-16`` as it is read: 4 times ten to the minus sixteen."""

    @abstractmethod
    def _symbol(self, symbol: Symbol) -> str: ...
    @abstractmethod
    def _tensor(self, name: str) -> str: ...
    @abstractmethod
    def _element(self, tensor: str, indices: Sequence[Part], dense: bool) -> tuple[Part, ...]: ...
    @abstractmethod
    def _quotient(self, scalar: str, tensor: str, indices: Sequence[Part], dense: bool) -> tuple[Part, ...]: ...
    @abstractmethod
    def _partial(self, upper: str, lower: str) -> str: ...
    @abstractmethod
    def _fraction(self, upper: str, lower: str, simple: bool) -> str: ...
    @abstractmethod
    def _power(self, base: str, exponent: str) -> str: ...
    @abstractmethod
    def _root(self, inner: str) -> str: ...
    @abstractmethod
    def _call(self, name: str, arguments: Sequence[str], exponent: str = "") -> str: ...
    @abstractmethod
    def _absolute(self, inner: str) -> str: ...
    @abstractmethod
    def _floor(self, upper: str, lower: str) -> str: ...
    @abstractmethod
    def _modulo(self, value: str, modulus: str) -> str: ...
    @abstractmethod
    def _ratio(self, upper: str, lower: str) -> str: ...
    @abstractmethod
    def _between(self, value: str, extent: str) -> str: ...
    @abstractmethod
    def _juxtapose(self, factors: Sequence[str]) -> str: ...
    @abstractmethod
    def _transposed(self, name: str) -> str: ...

    def _iverson(self, inner: str) -> str:
        return f"[{inner}]"

    def _parens(self, inner: str) -> str:
        return f"({inner})"

    # ----- expressions ----------------------------------------------------------------------------------------------
    def expr(self, e: Expr, tight: bool = False) -> str:
        """Any expression; `tight` asks for parentheses around sums."""
        if isinstance(e, sympy.Poly):
            return self._sum(monomial(c * e.gen**k, self.indices, self.notation) for (k,), c in e.terms())
        if isinstance(e, Add):
            text = self._sum(monomials(e, self.indices, self.notation))
            return self._parens(text) if tight else text
        if isinstance(e, Mul) or (e.is_Number and e < 0):
            part = monomial(e, self.indices, self.notation)
            text = (self.minus if part.negative else "") + self._product(part)
            return self._parens(text) if tight and part.negative else text
        return self._atom(e)

    def _sum(self, parts: Iterable[Monomial]) -> str:
        text = ""
        for part in parts:
            sign = self.minus if part.negative else ("+" if text else "")
            text += f"{sign}{self._product(part)}"
        return text

    def _product(self, part: Monomial) -> str:
        """Coefficient and factors, negative powers as the lower side of one fraction."""
        upper = [f for f in part.factors if not is_inverse(f)]
        lower = [Pow(f.base, -f.exp) for f in part.factors if is_inverse(f)]
        p, q = sympy.fraction(part.coefficient) if part.coefficient.is_Rational else (part.coefficient, Integer(1))
        tops = ([self.number(p)] if p != 1 else []) + [self.expr(f, tight=True) for f in upper]
        bottoms = ([self.number(q)] if q != 1 else []) + [self.expr(f, tight=True) for f in lower]
        if not bottoms:
            return self._juxtapose(tops) if tops else "1"
        if len(tops) == 1 and len(upper) == 1 and isinstance(upper[0], Add):
            return self._juxtapose([self._fraction("1", self._juxtapose(bottoms), len(bottoms) < 2), tops[0]])
        return self._fraction(self._juxtapose(tops) if tops else "1", self._juxtapose(bottoms), len(bottoms) < 2)

    def number(self, e: Expr) -> str:
        """A number as it is read; floats in the fewest digits that name them."""
        if e.is_Integer:
            return str(int(e)).replace("-", self.minus)
        if e.is_Rational:
            return self._fraction(str(e.p), str(e.q), True)
        mantissa, _, exponent = repr(float(e)).partition("e")
        text = self.power_of_ten(mantissa, int(exponent)) if exponent else mantissa
        return f"{self.minus}{text[1:]}" if text.startswith("-") else text

    def _atom(self, e: Expr) -> str:
        if isinstance(e, Symbol):
            return self._symbol(e)
        if e in (sympy.pi, sympy.oo):
            return self.pi if e is sympy.pi else self.infinity
        if e.is_Number:
            return self.number(e)
        if isinstance(e, Access):
            return "".join(part.text for part in self.access(e))
        if isinstance(e, Pow):
            return self._raised(e)
        if isinstance(e, Partial):
            return self._partial(self._atom(e.upper), self._atom(e.lower))
        if isinstance(e, Between):
            return self._between(self.expr(e.args[0]), self.expr(e.args[1]))
        if isinstance(e, Hadamard):
            return self.hadamard
        if isinstance(e, Rounded):
            return self.rounded
        if isinstance(e, Equals):
            wide = e.has(Matrices, Elementwise, Partial)
            return f"{self.expr(e.args[0])}{' = ' if wide else '='}{self.expr(e.args[1])}"
        if isinstance(e, Transposed):
            return self._transposed(self._atom(e.args[0]))
        if isinstance(e, Inverse):
            return self._power(self._atom(e.args[0]), f"{self.minus}1")
        if isinstance(e, Matrices):
            factors = (self._iverson(self._atom(f)) if isinstance(f, Elementwise) else self._atom(f) for f in e.args)
            return " ".join(factors)
        if isinstance(e, Elementwise):
            sides = (self._parens(self._atom(s)) if isinstance(s, Matrices) else self._atom(s) for s in e.args)
            return f" {self.hadamard} ".join(sides)
        return self._function(e)

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
        compound = not isinstance(e.base, Symbol | Access | sympy.Abs | sympy.NumberSymbol) or "^" in base
        return self._power(self._parens(base) if compound else base, self.expr(e.exp))

    def _function(self, e: Expr) -> str:
        args = e.args
        if isinstance(e, floordiv):
            return self._floor(self.expr(args[0]), self.expr(args[1]))
        if isinstance(e, mod):
            return self._modulo(self.expr(args[0], tight=True), self.expr(args[1], tight=True))
        if isinstance(e, exact):
            return self._ratio(self.expr(args[0], tight=True), self.expr(args[1], tight=True))
        if is_indicator(e):
            return self._iverson(self.relation(e))
        if isinstance(e, sympy.Abs):
            return self._absolute(self.expr(args[0]))
        if isinstance(e, relu):
            return self._call("max", ["0", self.expr(args[0])])
        if isinstance(e, larger | smaller):
            return self._call("max" if isinstance(e, larger) else "min", [self.expr(a) for a in args])
        return self._call(FUNCTION_NAMES.get(e.func, e.func.__name__), [self.expr(a) for a in args])

    def relation(self, bracket: Expr) -> str:
        """What stands in a bracket."""
        args = bracket.args
        if isinstance(bracket, step):
            return f"{self.expr(args[0])}>0"
        if isinstance(bracket, equal):
            plain = isinstance(args[0], Symbol | Access) or not isinstance(args[1], Access)
            first, second = args if plain else args[::-1]
            return f"{self.expr(first)}={self.expr(second)}"
        relation = {greater: ">", at_least: self.at_least, unequal: self.unequal}[bracket.func]
        if args[0].is_number and not args[1].is_number:  # [x < 1] rather than [1 > x]
            args, relation = args[::-1], {greater: "<", at_least: self.at_most}.get(bracket.func, relation)
        return f"{self.expr(args[0])}{relation}{self.expr(args[1])}"

    def access(self, a: Access) -> tuple[Part, ...]:
        """An element of a tensor; its indices are parts of their own."""
        texts = [self.expr(e) for e in a.indices]
        keys = [f"{a.tensor}.{axis}.{text}" for axis, text in enumerate(texts)]
        parts = [Part(text, key) for text, key in zip(texts, keys, strict=True)]
        dense = all(isinstance(e, Symbol | Integer) for e in a.indices)
        if a.tensor in self.notation.quotients:
            return self._quotient(self.notation.scalar(a.tensor), self.notation.quotients[a.tensor], parts, dense)
        return self._element(a.tensor, parts, dense)


def is_inverse(factor: Expr) -> bool:
    """Whether a factor belongs below the line of a fraction."""
    return isinstance(factor, Pow) and bool(factor.exp.is_number and factor.exp.is_negative)
