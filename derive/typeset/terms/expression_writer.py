"""Scalar and integer expressions as text: order, signs, parentheses. Subclasses write LaTeX or plain text."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Self

import sympy
from sympy import Add, Expr, Integer, Mul, Pow, Symbol

from gradscribe.derive.derivation.forms.caption.words.signs import OperatorSign
from gradscribe.derive.derivation.forms.example.spelling import Coordinates, Numeral, Spelt
from gradscribe.derive.derivation.forward.quotients import Partial, Reduced
from gradscribe.derive.derivation.letters.name import Name
from gradscribe.derive.derivation.letters.notation import Monomial, Notation, monomial, monomials
from gradscribe.derive.derivation.record import (
    Below,
    Between,
    Equals,
    Hadamard,
    Inverse,
    Label,
    Letter,
    Rounded,
    Scalar,
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
from gradscribe.derive.ir.reductions import SUM
from gradscribe.derive.ir.term import Access, InnerSum, accesses
from gradscribe.derive.typeset.terms.number_writer import NumberWriter
from gradscribe.derive.typeset.terms.operator_writer import OperatorWriter
from gradscribe.derive.typeset.terms.pieces import Part, Unit, plain

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
    minimum: "min",
    choose: "choose",
}


class ExpressionWriter(OperatorWriter, NumberWriter, ABC):
    """Writes expressions; the indices of the term at hand decide the order in sums."""

    def __init__(self, notation: Notation, indices: Sequence[Symbol] = ()) -> None:
        self.notation = notation
        self.indices = tuple(indices)

    # ----- what a format must say ---------------------------------------------------------------------------------
    rounded: str
    pi: str
    at_least: str
    at_most: str
    becomes: str
    unequal: str

    @abstractmethod
    def _name(self, name: Name) -> str:
        """An index, a size or a parameter."""

    @abstractmethod
    def _letter(self, name: Name, level: str = "") -> str:
        """A tensor without its indices: its letter, and the level beside it."""

    @abstractmethod
    def _starred(self, letters: Sequence[str], level: str) -> str:
        """The place of a maximum: ``r*``, ``(r*, t*)``, and the level beside it."""

    @abstractmethod
    def _level(self, label: str) -> str:
        """The label of a level: l+1, or the name of a node."""

    @abstractmethod
    def _dotted(self, tensor: str) -> str:
        """A tensor's rate of change."""

    @abstractmethod
    def _element(self, tensor: str, indices: Sequence[Part], dense: bool) -> tuple[Part, ...]: ...
    @abstractmethod
    def _gradient(self, scalar: str, tensor: str) -> str: ...
    @abstractmethod
    def _quotient(self, scalar: str, tensor: str, indices: Sequence[Part], dense: bool) -> tuple[Part, ...]: ...
    @abstractmethod
    def _partial(self, upper: str, lower: str) -> str: ...
    @abstractmethod
    def _derivative_by(self, lower: str) -> str:
        """What stands before that which is differentiated, where it is no element."""

    @abstractmethod
    def _line(self, simple: bool) -> tuple[str, str, str]:
        """What stands before, between and after the sides of a fraction; a lower one may be a product, not `simple`."""

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
    def _times(self, factors: Sequence[str]) -> list[str]:
        """What stands between each factor and the next."""

    def _symbol(self, symbol: Symbol) -> str:
        return self._name(self.notation.symbol(symbol))

    def _tensor(self, name: str) -> str:
        """A tensor without its indices; a quotient on one line."""
        notation = self.notation
        if name in notation.deltas:
            return self._letter(notation.special("delta"), notation.deltas[name])
        if name in notation.quotients:
            return self._gradient(self._scalar(notation.scalar(name)), notation.quotients[name])
        if name in notation.dots:
            return self._dotted(self._tensor(notation.dots[name]))
        if place := notation.starred(name):
            return self._starred([self._symbol(r.index) for r in place], notation.level(name))
        return self._letter(notation.tensor(name), notation.level(name))

    def letter(self, name: str) -> str:
        """A tensor's letter without its level."""
        return self._letter(self.notation.tensor(name))

    def _scalar(self, word: str) -> str:
        return self._letter(self.notation.special(word))

    @staticmethod
    def _short(indices: Sequence[Part]) -> bool:
        """Whether indices may stand without commas: each is a letter or a digit, but for primes."""
        return all(len(part.text.rstrip("'′")) == 1 for part in indices)

    def _activation(self, derivatives: int) -> Name:
        plain = self.notation.special("f")
        return replace(plain, primes=plain.primes + derivatives)

    def _ordered(self, indices: Sequence[Symbol]) -> Self:
        return type(self)(self.notation, indices)

    def _iverson(self, inner: str) -> str:
        return f"[{inner}]"

    def _around(self, inner: str) -> tuple[str, str]:
        """The parentheses for what stands between them."""
        return "(", ")"

    def _parens(self, inner: str) -> str:
        opening, closing = self._around(inner)
        return f"{opening}{inner}{closing}"

    # ----- expressions ----------------------------------------------------------------------------------------------
    def expr(self, e: Expr, tight: bool = False) -> str:
        """Any expression; `tight` asks for parentheses around sums."""
        if isinstance(e, sympy.Poly):
            return "".join(self._sum(monomial(c * e.gen**k, self.indices, self.notation) for (k,), c in e.terms()))
        if isinstance(e, Add):
            text = "".join(self.operands(e))
            return self._parens(text) if tight else text
        if isinstance(e, Mul) or (e.is_Number and e < 0):
            part = monomial(e, self.indices, self.notation)
            text = (self.minus if part.negative else "") + self._product(part)
            return self._parens(text) if tight and part.negative else text
        return self._atom(e)

    def operands(self, e: Expr) -> list[str]:
        """An expression in parts, all but the first behind a sign: a line may end between them."""
        return self._sum(monomials(e, self.indices, self.notation)) if isinstance(e, Add) else super().operands(e)

    def _sum(self, parts: Iterable[Monomial]) -> list[str]:
        signs = ((self.minus if part.negative else "+" if n else "", part) for n, part in enumerate(parts))
        return [f"{sign}{self._product(part)}" for sign, part in signs]

    def _product(self, part: Monomial) -> str:
        """Coefficient and factors, negative powers as the lower side of one fraction."""
        return "".join(unit.text for unit in self.product(part))

    def product(self, part: Monomial) -> list[Unit]:
        """The same as units."""
        upper = [f for f in part.factors if not is_inverse(f)]
        lower = [f for f in part.factors if is_inverse(f)]
        p, q = sympy.fraction(part.coefficient) if part.coefficient.is_Rational else (part.coefficient, Integer(1))
        *enclosed, last = [f for f in upper if f.has(InnerSum)] or [None]
        if last is not None and (p, q, len(part.factors)) != (1, 1, 1):  # what has a sum stands behind a fraction
            rest = self.product(replace(part, factors=tuple(f for f in part.factors if not f.has(InnerSum))))
            factors = [[self.enclosed(f)] for f in enclosed] + [[self.unit(last)]]
            factors = factors if "".join(unit.text for unit in rest) == "1" else [rest, *factors]
            return [u for n, factor in enumerate(factors) for u in (*([plain(" ")] if n else []), *factor)]
        tops = ([self._coefficient(p, p)] if p != 1 else []) + [self.unit(f) for f in upper]
        bottoms = [self._coefficient(q, 1 / q)] if q != 1 else []
        sum_alone = q == 1 and len(lower) == 1 and lower[0].exp == -1 and isinstance(lower[0].base, Add)
        if sum_alone:  # the line has parentheses, where a format needs them
            bottoms = [Unit((Part(self.expr(lower[0].base)),), lower[0])]
        else:
            bottoms += [self.unit(Pow(f.base, -f.exp), f) for f in lower]
        if not bottoms:
            return self._juxtaposed([[top] for top in tops]) or [self._coefficient(p, p)]
        apart = tops if len(tops) == 1 and isinstance(upper[0] if upper else None, Add) else []
        before, line, after = map(plain, self._line(len(bottoms) < 2 and not sum_alone))
        over = self._juxtaposed([[top] for top in tops if top not in apart]) or [plain("1")]
        fraction = [before, *over, line, *self._juxtaposed([[bottom] for bottom in bottoms]), after]
        return self._juxtaposed([fraction, *([top] for top in apart)])

    def unit(self, factor: Expr, key: Hashable = None) -> Unit:
        """A factor; `key` where it is only a part of what it stands for."""
        if isinstance(factor, Access) and key is None:
            return Unit(self.access(factor), factor, factor.tensor)
        return Unit((Part(self.expr(factor, tight=True)),), factor if key is None else key)

    def _coefficient(self, number: Expr, key: Hashable) -> Unit:
        return Unit((Part(self.number(number)),), key)

    def _juxtaposed(self, factors: Sequence[Sequence[Unit]]) -> list[Unit]:
        """Factors, and what stands between them."""
        texts = ["".join(unit.text for unit in factor) for factor in factors]
        signs = ["", *self._times(texts)]
        return [
            u for sign, factor in zip(signs, factors, strict=False) for u in (*([plain(sign)] if sign else []), *factor)
        ]

    def _fraction(self, upper: str, lower: str, simple: bool) -> str:
        before, line, after = self._line(simple)
        return f"{before}{upper}{line}{lower}{after}"

    def enclosed(self, factor: Expr) -> Unit:
        """A factor before another one: what stands behind the sign of a sum ends with it."""
        text = self.expr(factor, tight=True)
        return Unit((Part(self._parens(text) if isinstance(factor, InnerSum) else text),), factor)

    def _atom(self, e: Expr) -> str:
        if isinstance(e, Symbol):
            return self._symbol(e)
        if e is sympy.pi:
            return self.pi
        if e.is_Number:
            return self.number(e)
        if isinstance(e, Access):
            return "".join(part.text for part in self.access(e))
        if isinstance(e, Pow):
            return self._raised(e)
        if isinstance(e, InnerSum):
            inner = type(self)(self.notation, (*self.indices, *_indices(e, self.notation)))
            sign = self._reduction(SUM, [[Part(self.expr(r.index)) for r in e.ranges]])
            return f"{''.join(part.text for part in sign)} {inner.expr(e.body, tight=True)}"
        if isinstance(e, Partial):
            return " ".join(self.quotient(e))
        if isinstance(e, Reduced):
            term = e.term()
            sign = self._reduction(term.reduction, [[Part(self.expr(r.index)) for r in term.bound]])
            inner = self._ordered(self.notation.in_order(dict.fromkeys((*self.indices, *term.indices))))
            return f"{''.join(part.text for part in sign)} {inner.expr(term.body, tight=True)}"
        if isinstance(e, Numeral | Spelt):
            return self.numeral(e) if isinstance(e, Numeral) else self.spelt(e)
        if isinstance(e, Coordinates):
            return self._parens(",".join(self.expr(a) for a in e.args))
        if isinstance(e, Letter):
            name = e.access.tensor
            return self._scalar("delta") if name in self.notation.deltas else self.letter(name)
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
        if isinstance(e, Equals):
            wide = e.has(OperatorSign, Partial)
            return f"{self.expr(e.args[0])}{' = ' if wide else '='}{self.expr(e.args[1])}"
        if isinstance(e, OperatorSign):
            return self.operator(e)
        if isinstance(e, Inverse):
            return self._power(self._atom(e.args[0]), f"{self.minus}1")
        return self._function(e)

    def quotient(self, e: Partial) -> list[str]:
        """A derivative; of what defines an element in two parts, between which a line may end."""
        upper, lower = self._atom(e.upper), self._atom(e.lower)
        return [self._derivative_by(lower), upper] if isinstance(e.upper, Reduced) else [self._partial(upper, lower)]

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
            return self._iverson(self.relation(e))
        if isinstance(e, sympy.Abs):
            return self._absolute(self.expr(args[0]))
        if isinstance(e, relu):
            return self._call("max", ["0", self.expr(args[0])])
        if isinstance(e, larger | smaller):
            return self._call("max" if isinstance(e, larger) else "min", [self.expr(a) for a in args])
        if isinstance(e, activation | activation_prime):
            head = self._name(self._activation(int(isinstance(e, activation_prime))))
            return f"{head}({self.expr(args[0])})"
        return self._call(FUNCTION_NAMES.get(e.func, e.func.__name__), [self.expr(a) for a in args])

    def relation(self, bracket: Expr) -> str:
        """What stands in a bracket."""
        args = bracket.args
        if isinstance(bracket, step):
            return f"{self.expr(args[0])}>0"
        if isinstance(bracket, equal):
            place = next((a for a in args if isinstance(a, Access) and a.tensor in self.notation.places), None)
            if place is not None:
                return self.placed(args[0] if args[1] is place else args[1], place)
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
        parts = [Part(text, (axis, a.indices[axis])) for axis, text in enumerate(texts)]
        dense = all(isinstance(e, Symbol | Integer) for e in a.indices)
        if a.tensor in self.notation.quotients:
            return self._quotient(
                self._scalar(self.notation.scalar(a.tensor)), self.notation.quotients[a.tensor], parts, dense
            )
        return self._element(a.tensor, parts, dense)


def _indices(total: InnerSum, notation: Notation) -> tuple[Symbol, ...]:
    """The indices that the accesses of a sum have, its own last."""
    own = [r.index for r in total.ranges]
    found = {v for a in accesses(total.body) for e in a.indices for v in e.free_symbols} - {*own, *notation.sizes}
    found = {v for v in found if not v.name[0].isupper()}
    return (*sorted(found, key=str), *own)


def is_inverse(factor: Expr) -> bool:
    """Whether a factor belongs below the line of a fraction."""
    return isinstance(factor, Pow) and bool(factor.exp.is_number and factor.exp.is_negative)
