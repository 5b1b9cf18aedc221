"""Terms as rows of print: what both LaTeX and plain text need, each piece of a row a small list of parts.

A part has a key that says what it is (third index of delta, bracket for axis q, ...), so that a printer can tell which
parts a step changed. Subclasses say how a fraction, an index list or a sum sign is written.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sympy
from sympy import Add, Expr, Integer, Mul, Pow, Symbol

from derive.functions import activation, activation_prime, equal, is_indicator, relu, sigmoid, step
from derive.index import affine, choose, exact, floordiv, minimum, mod
from derive.notation import Monomial, Notation, monomial, monomials, ordered
from derive.recognise import Transposed
from derive.record import Between, Definition, Equals, Hadamard, Partial, Step, Words
from derive.term import Access, Guard, Range, Term

FUNCTION_NAMES = {
    sympy.exp: "exp",
    sympy.log: "log",
    sympy.tanh: "tanh",
    sympy.sin: "sin",
    sympy.cos: "cos",
    sympy.sign: "sign",
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


@dataclass(frozen=True)
class Piece:
    """Parts that stay on one line. `glue` says what stands before it: "" nothing, "+" or "-" a sign, " " a space."""

    parts: tuple[Part, ...]
    glue: str = " "

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts)


class Typesetter(ABC):
    """Writes expressions; the indices of the term at hand decide the order in sums."""

    def __init__(self, notation: Notation, indices: Sequence[Symbol] = ()) -> None:
        self.notation = notation
        self.indices = tuple(indices)

    def within(self, term: Term, outer: Sequence[Symbol] = ()) -> "Typesetter":
        """The same for a term: the forward output's indices come first in a sum, then free ones, then others."""
        return type(self)(self.notation, tuple(dict.fromkeys((*(v for v in outer if v in term.indices), *term.indices))))

    # ----- what a format must say ---------------------------------------------------------------------------------
    minus: str
    comma: str
    hadamard: str

    @abstractmethod
    def symbol(self, symbol: Symbol) -> str: ...
    @abstractmethod
    def tensor(self, name: str) -> str: ...
    @abstractmethod
    def element(self, tensor: str, indices: Sequence[Part], dense: bool) -> tuple[Part, ...]: ...
    @abstractmethod
    def quotient(self, tensor: str, indices: Sequence[Part], dense: bool) -> tuple[Part, ...]: ...
    @abstractmethod
    def partial(self, upper: str, lower: str) -> str: ...
    @abstractmethod
    def fraction(self, upper: str, lower: str, simple: bool) -> str: ...
    @abstractmethod
    def power(self, base: str, exponent: str) -> str: ...
    @abstractmethod
    def root(self, inner: str) -> str: ...
    @abstractmethod
    def call(self, name: str, arguments: Sequence[str], exponent: str = "") -> str: ...
    @abstractmethod
    def absolute(self, inner: str) -> str: ...
    @abstractmethod
    def floor(self, upper: str, lower: str) -> str: ...
    @abstractmethod
    def modulo(self, value: str, modulus: str) -> str: ...
    @abstractmethod
    def ratio(self, upper: str, lower: str) -> str: ...
    @abstractmethod
    def divides(self, modulus: str, value: str) -> str: ...
    @abstractmethod
    def between(self, value: str, extent: str) -> str: ...
    @abstractmethod
    def iverson(self, inner: str) -> str: ...
    @abstractmethod
    def reduction(self, op: str, groups: Sequence[Sequence[str]]) -> str: ...
    @abstractmethod
    def full_sum(self, ranges: Sequence[tuple[str, str]]) -> str: ...
    @abstractmethod
    def juxtapose(self, factors: Sequence[str]) -> str: ...
    @abstractmethod
    def transposed(self, name: str) -> str: ...
    @abstractmethod
    def greek_pi(self) -> str: ...
    @abstractmethod
    def times_ten(self, mantissa: str, exponent: int) -> str: ...

    def parens(self, inner: str) -> str:
        return f"({inner})"

    # ----- expressions ----------------------------------------------------------------------------------------------
    def expr(self, e: Expr, tight: bool = False) -> str:
        """Any expression; `tight` asks for parentheses around sums."""
        if isinstance(e, Add):
            text = self._sum(monomials(e, self.indices, self.notation))
            return self.parens(text) if tight else text
        if isinstance(e, Mul) or (e.is_Number and e < 0):
            part = monomial(e, self.indices, self.notation)
            text = (self.minus if part.negative else "") + self._product(part)
            return self.parens(text) if tight and part.negative else text
        return self._atom(e)

    def _sum(self, parts: Iterable[Monomial]) -> str:
        text = ""
        for part in parts:
            sign = self.minus if part.negative else ("+" if text else "")
            text += f"{sign}{self._product(part)}"
        return text

    def _product(self, part: Monomial) -> str:
        """Coefficient and factors, negative powers as the lower side of one fraction."""
        upper = [f for f in part.factors if not _is_inverse(f)]
        lower = [Pow(f.base, -f.exp) for f in part.factors if _is_inverse(f)]
        p, q = sympy.fraction(part.coefficient) if part.coefficient.is_Rational else (part.coefficient, Integer(1))
        tops = ([self.number(p)] if p != 1 else []) + [self.expr(f, tight=True) for f in upper]
        bottoms = ([self.number(q)] if q != 1 else []) + [self.expr(f, tight=True) for f in lower]
        if not bottoms:
            return self.juxtapose(tops) if tops else "1"
        if len(tops) == 1 and len(upper) == 1 and isinstance(upper[0], Add):
            return self.juxtapose([self.fraction("1", self.juxtapose(bottoms), len(bottoms) < 2), tops[0]])
        return self.fraction(self.juxtapose(tops) if tops else "1", self.juxtapose(bottoms), len(bottoms) < 2)

    def number(self, e: Expr) -> str:
        """A number as it is read; floats in the fewest digits that name them."""
        if e.is_Integer:
            return str(int(e)).replace("-", self.minus)
        if e.is_Rational:
            return self.fraction(str(e.p), str(e.q), True)
        return repr(float(e)).replace("-", self.minus)

    def _atom(self, e: Expr) -> str:
        if isinstance(e, Symbol):
            return self.symbol(e)
        if e is sympy.pi:
            return self.greek_pi()
        if e.is_Number:
            return self.number(e)
        if isinstance(e, Access):
            return "".join(part.text for part in self.access(e))
        if isinstance(e, Pow):
            return self._power(e)
        if isinstance(e, Partial):
            return self.partial(self._atom(e.upper), self._atom(e.lower))
        if isinstance(e, Between):
            return self.between(self.expr(e.args[0]), self.expr(e.args[1]))
        if isinstance(e, Hadamard):
            return self.hadamard
        if isinstance(e, Equals):
            return f"{self.expr(e.args[0])}={self.expr(e.args[1])}"
        if isinstance(e, Transposed):
            return self.transposed(self._atom(e.args[0]))
        return self._function(e)

    def _power(self, e: Expr) -> str:
        if e.exp == -1:
            return self.fraction("1", self.expr(e.base), not isinstance(e.base, Add | Mul))
        if e.exp == sympy.Rational(1, 2):
            return self.root(self.expr(e.base))
        if e.exp.is_number and e.exp < 0:
            return self.fraction("1", self._power(Pow(e.base, -e.exp)) if e.exp != -1 else self.expr(e.base), True)
        if e.base.func in FUNCTION_NAMES and e.exp.is_Integer:
            name, exponent = FUNCTION_NAMES[e.base.func], self.expr(e.exp)
            return self.call(name, [self.expr(a) for a in e.base.args], exponent)
        compound = not isinstance(e.base, Symbol | Access)
        base = self.expr(e.base)
        return self.power(self.parens(base) if compound else base, self.expr(e.exp))

    def _function(self, e: Expr) -> str:
        args = e.args
        if isinstance(e, floordiv):
            return self.floor(self.expr(args[0]), self.expr(args[1]))
        if isinstance(e, mod):
            return self.modulo(self.expr(args[0], tight=True), self.expr(args[1], tight=True))
        if isinstance(e, exact):
            return self.ratio(self.expr(args[0], tight=True), self.expr(args[1], tight=True))
        if isinstance(e, step):
            return self.iverson(f"{self.expr(args[0])}>0")
        if isinstance(e, equal):
            first, second = args if isinstance(args[0], Symbol) or not isinstance(args[1], Access) else args[::-1]
            return self.iverson(f"{self.expr(first)}={self.expr(second)}")
        if isinstance(e, sympy.Abs):
            return self.absolute(self.expr(args[0]))
        if isinstance(e, relu):
            return self.call("max", ["0", self.expr(args[0])])
        name = {activation: "f", activation_prime: "f'", sigmoid: "sigma"}.get(e.func) or FUNCTION_NAMES.get(e.func, e.func.__name__)
        return self.call(name, [self.expr(a) for a in args])

    def access(self, a: Access) -> tuple[Part, ...]:
        """An element of a tensor; its indices are parts of their own."""
        texts = [self.expr(e) for e in a.indices]
        keys = [f"{a.tensor}.{axis}.{text}" for axis, text in enumerate(texts)]
        parts = [Part(text, key) for text, key in zip(texts, keys, strict=True)]
        dense = all(isinstance(e, Symbol | Integer) for e in a.indices)
        if a.tensor in self.notation.quotients:
            return self.quotient(self.notation.quotients[a.tensor], parts, dense)
        return self.element(a.tensor, parts, dense)

    def words(self, words: Words, wrap: str = "{}") -> str:
        """A sentence; `wrap` is put around its mathematics."""
        return "".join(self.prose(w) if isinstance(w, str) else wrap.format(self.expr(w)) for w in words)

    def prose(self, text: str) -> str:
        return text

    # ----- rows ------------------------------------------------------------------------------------------------------
    def row(self, step_: Step) -> list[Piece]:
        """The right-hand side of a row."""
        terms = sorted(step_.terms, key=lambda t: bool(t.body.as_coeff_Mul()[0] < 0))
        pieces: list[Piece] = []
        for term in terms:
            pieces += self.within(term, step_.outer).summand(term, step_.outer, bool(pieces))
        return pieces

    def definition(self, d: Definition) -> list[Piece]:
        """The right-hand side of a forward equation, sums with their ranges."""
        pieces: list[Piece] = []
        for term in d.terms:
            pieces += self.within(term).summand(term, None, bool(pieces))
        return pieces

    def summand(self, term: Term, outer: Sequence[Symbol] | None, follows: bool) -> list[Piece]:
        """One term: sign, constants, sum sign, brackets of divisibility, gradients, tensors, brackets."""
        part = monomial(term.body, self.indices, self.notation)
        sign = "-" if part.negative else ("+" if follows else "")
        split = _Factors(part.factors, term, self.notation)
        if split.lower and not split.tensors and not term.bound:
            split.constants, split.lower = [*split.constants, *split.lower], []
        pieces = [Piece((Part(text, text),)) for text in self._constants(part, split)]
        pieces += [self._whole(f) for f in split.front]
        if term.bound:
            pieces.append(Piece((Part(self._sigma(term, outer)),), "S"))
        pieces += [self._bracket(self.divides(self.expr(b.modulus), self.expr(b.value))) for b in term.divisibilities]
        tensors = self._tensors(split, bool(pieces) or bool(term.deltas) or bool(split.gradients))
        gradients = [self._whole(f) for f in split.gradients]
        # 1/z dE/dy, but dE/dy h/z
        pieces += gradients + tensors if split.tensors else tensors + gradients
        pieces += [self._whole(f) for f in split.brackets + split.partials]
        deltas = sorted(term.deltas, key=lambda d: not self._plain_pair(d, term))
        pieces += [self._bracket(self.iverson(self._equation(d, term))) for d in deltas]
        if term.op == "sum":
            pieces += [self._bracket(self.iverson(self._range(g))) for g in term.guards]
        if not pieces or (len(pieces) == 1 and term.bound and not split.anything):
            pieces.append(Piece((Part("1", "1"),)))
        return [Piece(pieces[0].parts, sign), *pieces[1:]]

    def conditions(self, term: Term) -> tuple[str, ...]:
        """The ranges that restrict a maximum."""
        return tuple(self._range(g) for g in term.guards) if term.op == "max" else ()

    def _range(self, guard: Guard) -> str:
        return self.between(self.expr(guard.value), self.expr(guard.extent))

    def _constants(self, part: Monomial, split: "_Factors") -> list[str]:
        upper = [f for f in split.constants if not _is_inverse(f)]
        lower = [f for f in split.constants if _is_inverse(f)]
        if part.coefficient == 1 and not upper and not lower:
            return []
        return [self._product(Monomial(False, part.coefficient, (*upper, *lower)))]

    def _tensors(self, split: "_Factors", company: bool) -> list[Piece]:
        if split.lower:
            parts = self._product(Monomial(False, Integer(1), (*split.tensors, *split.lower)))
            return [Piece((Part(parts, parts),))]
        if len(split.tensors) == 1 and isinstance(split.tensors[0], Add) and not company and not split.anything_else:
            text = self.expr(split.tensors[0])
            return [Piece((Part(text, text),))]
        return [self._whole(f) for f in split.tensors]

    def _whole(self, factor: Expr) -> Piece:
        if isinstance(factor, Access):
            return Piece(self.access(factor))
        text = self.expr(factor, tight=True)
        key = QUOTIENT + text if isinstance(factor, Partial) else text
        return Piece((Part(text, key),), "[" if is_indicator(factor) else " ")

    def _bracket(self, text: str) -> Piece:
        return Piece((Part(text, text),), "[")

    def _plain_pair(self, delta: Expr, term: Term) -> bool:
        form = affine(delta, term.indices)
        return form.offset == 0 and len(form.terms) == 2 and all(c in (1, -1) for _, c in form.terms)

    def _equation(self, delta: Expr, term: Term) -> str:
        """A delta solved for its private index: [q = s i + d r - p], but [n = m]."""
        form = affine(delta, term.indices)
        free = {r.index for r in term.free}
        unit = [v for v, c in form.terms if c in (1, -1)]
        private = next((v for v in unit if v in free), unit[0] if unit else None)
        if private is None:
            return f"{self.expr(delta)}=0"
        value = sympy.expand(private - delta / form.coefficient(private))
        if isinstance(value, Symbol) and value not in free:
            private, value = value, private
        return f"{self.expr(private)}={self.expr(value)}"

    def _sigma(self, term: Term, outer: Sequence[Symbol] | None) -> str:
        if outer is None and term.op == "sum":
            return self.full_sum([(self.expr(r.index), self.expr(r.extent - 1)) for r in term.bound])
        names = [r.index for r in term.bound]
        groups = [[v for v in names if v in (outer or ())], [v for v in names if v not in (outer or ())]]
        if len(names) <= 4 or not all(groups):
            groups = [names]
        return self.reduction(term.op, [[self.expr(v) for v in group] for group in groups])


class _Factors:
    """The factors of a summand by where they stand."""

    def __init__(self, factors: Sequence[Expr], term: Term, notation: Notation) -> None:
        bound = {r.index for r in term.bound}
        indices = set(term.indices)
        self.constants = [f for f in factors if not f.has(Access) and not indices & f.free_symbols and not _display(f)]
        rest = [f for f in factors if f not in self.constants]
        self.partials = [f for f in rest if isinstance(f, Partial)]
        self.brackets = [f for f in rest if is_indicator(f)]
        self.gradients = [f for f in rest if isinstance(f, Access) and notation.is_gradient(f.tensor)]
        self.front = [f for f in rest if bound and isinstance(f, activation_prime) and not bound & f.free_symbols]
        if not bound:
            self.front = [f for f in rest if isinstance(f, activation_prime)]
        self.lower = [f for f in rest if _is_inverse(f)]
        placed = (*self.partials, *self.brackets, *self.gradients, *self.front, *self.lower)
        self.tensors = [f for f in rest if f not in placed]
        self.anything = bool(rest) or bool(term.deltas or term.guards or term.divisibilities)
        self.anything_else = bool(placed or self.constants or term.bound or term.guards or term.divisibilities)


def _display(factor: Expr) -> bool:
    return isinstance(factor, Partial) or is_indicator(factor)


def _is_inverse(factor: Expr) -> bool:
    return isinstance(factor, Pow) and bool(factor.exp.is_number) and bool(factor.exp < 0)


def changed(pieces: Sequence[Piece], before: Sequence[Piece]) -> set[str]:
    """The keys of the parts that the row before did not have."""
    old = {part.key for piece in before for part in piece.parts}
    return {part.key for piece in pieces for part in piece.parts if part.key and part.key not in old}


__all__ = ["Part", "Piece", "Range", "Typesetter", "changed", "ordered"]
