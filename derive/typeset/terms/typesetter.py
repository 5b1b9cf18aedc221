"""Terms as rows of print: what both LaTeX and plain text need, each row a list of pieces between which a line may end.

A part of a piece has a key that says what it is (third index of delta, bracket for axis q, ...), so that a printer can
tell which parts a step changed.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import sympy
from sympy import Add, Expr, Integer, Symbol

from gradscribe.derive.derivation.certificate.certificate import Figure
from gradscribe.derive.derivation.notation import Monomial, Notation, monomial, monomials
from gradscribe.derive.derivation.record import Definition, Partial, Step, Words
from gradscribe.derive.ir.functions import activation_prime, is_indicator
from gradscribe.derive.ir.index import IntegerFunction, affine, bounds
from gradscribe.derive.ir.reductions import Reduction
from gradscribe.derive.ir.term import Access, Guard, Term
from gradscribe.derive.typeset.terms.expression_writer import QUOTIENT, ExpressionWriter, Part, is_inverse

LONG = 16
"""A sum of more operations than that may be broken within its parentheses."""


@dataclass(frozen=True)
class Piece:
    """Parts that stay on one line.

    `glue` says what stands before it: "" nothing, "+" or "-" a sign, " " a space; "~" nothing, within a long sum.
    """

    parts: tuple[Part, ...]
    glue: str = " "

    @property
    def text(self) -> str:
        """All parts, nothing marked."""
        return "".join(part.text for part in self.parts)


class Typesetter(ExpressionWriter):
    """Writes rows; the indices of the term at hand decide the order in sums."""

    def __init__(self, notation: Notation, indices: Sequence[Symbol] = ()) -> None:
        super().__init__(notation, indices)
        self._written: dict[tuple[Term, tuple[Symbol, ...], bool], list[Piece]] = {}

    @abstractmethod
    def _divides(self, modulus: str, value: str) -> str: ...
    @abstractmethod
    def _reduction(self, row: Reduction, groups: Sequence[Sequence[str]]) -> str: ...
    @abstractmethod
    def _with_limits(self, row: Reduction, ranges: Sequence[tuple[str, str]]) -> str: ...

    def within(self, term: Term, outer: Sequence[Symbol] = ()) -> Self:
        """The same for a term: the forward output's indices come first in a sum, then free ones, then others."""
        return type(self)(
            self.notation, tuple(dict.fromkeys((*(v for v in outer if v in term.indices), *term.indices)))
        )

    def words(self, words: Words) -> str:
        """A sentence."""
        return "".join(self.prose(w) if isinstance(w, str) else self.expr(w) for w in words)

    def prose(self, text: str) -> str:
        """Words without mathematics."""
        return text

    def figure(self, figure: Figure) -> str:
        """A mantissa and a power of ten; the power is left out where it is 1."""
        mantissa, exponent = figure
        return self.power_of_ten(mantissa, exponent) if exponent else mantissa

    def row(self, step_: Step) -> list[Piece]:
        """The right-hand side of a row."""
        terms = sorted(step_.terms, key=lambda t: bool(t.body.as_coeff_Mul()[0] < 0))
        pieces: list[Piece] = []
        for term in terms:
            place = term, tuple(step_.outer), bool(pieces)
            if place not in self._written:  # a row changes few of a sum's terms
                self._written[place] = self.within(term, step_.outer).summand(*place)
            pieces += self._written[place]
        return pieces

    def definition(self, d: Definition) -> list[Piece]:
        """The right-hand side of a forward equation, sums with their ranges."""
        pieces: list[Piece] = []
        for term in d.terms:
            pieces += self.within(term).summand(term, None, bool(pieces))
        return pieces

    def summand(self, term: Term, outer: Sequence[Symbol] | None, follows: bool) -> list[Piece]:
        """One term: sign, constants, sum sign, brackets of divisibility, gradients, tensors, brackets.

        Of a reduction other than a sum nothing stands before its sign: max (-x) is not -max x.
        """
        part = monomial(term.value, self.indices, self.notation)
        if not term.is_sum and term.bound and part.negative:
            value = self.expr(term.value, tight=True)
            return [Piece((Part(self._sigma(term, outer)),), "+" if follows else ""), Piece((Part(value, value),))]
        sign = "-" if part.negative else ("+" if follows else "")
        split = _Factors(part.factors, term, self.notation)
        if split.lower and not split.tensors and not term.bound:
            split.constants, split.lower = [*split.constants, *split.lower], []
        if any(is_inverse(f) for f in split.front):  # one fraction before the sum
            split.constants, split.front = [*split.constants, *split.front], []
        pieces = [Piece((Part(text, text),)) for text in self._constants(part, split)]
        pieces += [self._whole(f) for f in split.front]
        if term.bound:
            pieces.insert(len(pieces) if term.is_sum else 0, Piece((Part(self._sigma(term, outer)),), "S"))
        pieces += [self._bracket(self._divides(self.expr(b.modulus), self.expr(b.value))) for b in term.divisibilities]
        tensors = self._tensors(split, bool(pieces) or bool(term.deltas) or bool(split.gradients))
        gradients = [self._whole(f) for f in split.gradients]
        # 1/z dE/dy, but dE/dy h/z
        pieces += gradients + tensors if split.tensors else tensors + gradients
        pieces += [self._whole(f) for f in split.brackets + split.partials]
        deltas = sorted(term.deltas, key=lambda d: not self._plain_pair(d, term))
        pieces += [self._bracket(self._iverson(self._equation(d, term))) for d in deltas]
        if term.is_sum:
            pieces += [self._bracket(self._iverson(self._range(g, term))) for g in term.guards]
        if not pieces or (len(pieces) == 1 and term.bound and not split.anything):
            pieces.append(Piece((Part("1", "1"),)))
        return [Piece(pieces[0].parts, sign), *pieces[1:]]

    def conditions(self, term: Term) -> tuple[str, ...]:
        """The ranges and brackets that restrict a reduction in which they are no factors."""
        if term.is_sum:
            return ()
        return (*(self._range(g, term) for g in term.guards), *(self.relation(b) for b in term.admission))

    def _range(self, guard: Guard, term: Term) -> str:
        """``0 <= value < extent``, or the half of it that the ranges of the indices leave open: ``j <= i``."""
        plain = not guard.value.is_number and not guard.value.has(IntegerFunction)
        reach = bounds(guard.value, {r.index: r.extent for r in term.ranges}) if plain else None
        if reach is None:
            return self._between(self.expr(guard.value), self.expr(guard.extent))
        if reach[0] == 0:
            return f"{self.expr(guard.value)}<{self.expr(guard.extent)}"
        if sympy.expand(reach[1] + 1 - guard.extent) != 0:
            return self._between(self.expr(guard.value), self.expr(guard.extent))
        strict = guard.value.as_coeff_Add()[0] == -1  # 0 <= i - j - 1 is j < i
        parts = Add.make_args(guard.value + 1 if strict else guard.value)
        below = Add(*(-p for p in parts if p.as_coeff_Mul()[0].is_negative))
        above = Add(*(p for p in parts if not p.as_coeff_Mul()[0].is_negative))
        return f"{self.expr(below)}{'<' if strict else self.at_most}{self.expr(above)}"

    def _constants(self, part: Monomial, split: "_Factors") -> list[str]:
        upper = [f for f in split.constants if not is_inverse(f)]
        lower = [f for f in split.constants if is_inverse(f)]
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
        return [piece for f in split.tensors for piece in self._pieces(f)]

    def _pieces(self, factor: Expr) -> list[Piece]:
        """A factor as one piece; a long sum as one per part, between which a line may end."""
        if not isinstance(factor, Add) or sympy.count_ops(factor) <= LONG:
            return [self._whole(factor)]
        texts = [self._sum([part]) for part in monomials(factor, self.indices, self.notation)]
        signed = [t if t.startswith(self.minus) or not k else f"+{t}" for k, t in enumerate(texts)]
        whole = "".join(signed)
        opening, closing = self._parens(whole).split(whole)
        signed = [opening + signed[0], *signed[1:-1], signed[-1] + closing]
        return [Piece((Part(t, t),), "~" if k else " ") for k, t in enumerate(signed)]

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
        if outer is None and term.reduction.limits:
            return self._with_limits(
                term.reduction, [(self.expr(r.index), self.expr(r.extent - 1)) for r in term.bound]
            )
        names = [r.index for r in term.bound]
        groups = [[v for v in names if v in (outer or ())], [v for v in names if v not in (outer or ())]]
        if len(names) <= 4 or not all(groups):
            groups = [names]
        return self._reduction(term.reduction, [[self.expr(v) for v in group] for group in groups])


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
        self.front = [f for f in rest if isinstance(f, activation_prime) and not bound & f.free_symbols]
        if bound and term.is_sum:  # what does not change within the sum stands before it
            kept = (*self.partials, *self.gradients)
            fixed = [f for f in rest if not bound & f.free_symbols and f not in kept]
            self.front = sorted(fixed, key=is_indicator) if len(fixed) < len(rest) else self.front
        self.brackets = [f for f in self.brackets if f not in self.front]
        self.lower = [f for f in rest if is_inverse(f) and f not in self.front]
        placed = (*self.partials, *self.brackets, *self.gradients, *self.front, *self.lower)
        self.tensors = [f for f in rest if f not in placed]
        self.anything = bool(rest) or bool(term.deltas or term.guards or term.divisibilities)
        self.anything_else = bool(placed or self.constants or term.bound or term.guards or term.divisibilities)


def _display(factor: Expr) -> bool:
    return isinstance(factor, Partial) or is_indicator(factor)


def changed(pieces: Sequence[Piece], before: Sequence[Piece]) -> set[str]:
    """The keys of the parts that the row before did not have."""
    old = {part.key for piece in before for part in piece.parts}
    return {part.key for piece in pieces for part in piece.parts if part.key and part.key not in old}
