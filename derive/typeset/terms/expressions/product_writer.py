"""Sums and products: coefficients, fractions, what stands between factors."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

import sympy
from sympy import Add, Expr, Integer, Mul, Pow, Rational

from gradscribe.derive.derivation.letters.notation import Monomial
from gradscribe.derive.ir.functions import (
    is_indicator,
)
from gradscribe.derive.ir.term import Access, InnerSum
from gradscribe.derive.typeset.terms.expressions.name_writer import NameWriter
from gradscribe.derive.typeset.terms.row_pieces import Operand, Part, Unit, plain, text_of

_HALF = Rational(1, 2)


class ProductWriter(NameWriter, ABC):
    """Writes sums and products, of which each factor is a unit."""

    def _sum(self, parts: Iterable[Monomial]) -> list[str]:
        signs = ((self.minus if part.negative else "+" if n else "", part) for n, part in enumerate(parts))
        return [f"{sign}{self._product(part)}" for sign, part in signs]

    def _product(self, part: Monomial) -> str:
        """Coefficient and factors, negative powers as the lower side of one fraction."""
        return text_of(self.product(part))

    def product(self, part: Monomial) -> list[Unit]:
        """The same as units."""
        part = _with_roots(part)
        upper = [f for f in part.factors if not is_inverse(f)]
        lower = [f for f in part.factors if is_inverse(f)]
        p, q = sympy.fraction(part.coefficient) if part.coefficient.is_Rational else (part.coefficient, Integer(1))
        *enclosed, last = [f for f in upper if f.has(InnerSum)] or [None]
        if last is not None and (p, q, len(part.factors)) != (1, 1, 1):  # what has a sum stands behind a fraction
            rest = self.product(replace(part, factors=tuple(f for f in part.factors if not f.has(InnerSum))))
            factors = [[self.enclosed(f)] for f in enclosed] + [[self.unit(last)]]
            factors = factors if text_of(rest) == "1" else [rest, *factors]
            return [u for n, factor in enumerate(factors) for u in (*([plain(" ")] if n else []), *factor)]
        tops = ([self._coefficient(p, p)] if p != 1 else []) + [self.unit(f) for f in upper]
        bottoms = [self._coefficient(q, 1 / q)] if q != 1 else []
        sum_alone = q == 1 and len(lower) == 1 and lower[0].exp == -1 and isinstance(lower[0].base, Add)
        if sum_alone:  # the line has parentheses, where a format needs them
            bottoms = [Unit(self.parted(lower[0].base), lower[0])]
        else:
            bottoms += [self.unit(Pow(f.base, -f.exp), f) for f in lower]
        if not bottoms:
            return self._juxtaposed([[top] for top in tops]) or [self._coefficient(p, p)]
        apart = tops if len(tops) == 1 and isinstance(upper[0] if upper else None, Add) else []
        if apart and len(lower) == len(bottoms) == 1 and lower[0].exp == -1 and isinstance(lower[0].base, Access):
            tops, apart = [Unit((Part(self._numerator(self.expr(upper[0]))),), upper[0])], []  # (q - 1)/q
        before, slash, after = self._line(len(bottoms) < 2 and not sum_alone)
        line = Unit((Part(slash, begins=self.slash),))
        over = self._juxtaposed([[top] for top in tops if top not in apart]) or [plain("1")]
        fraction = [plain(before), *over, line, *self._juxtaposed([[bottom] for bottom in bottoms]), plain(after)]
        return self._juxtaposed([fraction, *([top] for top in apart)])

    def unit(self, factor: Expr, key: Hashable = None) -> Unit:
        """A factor; `key` where it is only a part of what it stands for."""
        if isinstance(factor, Access) and key is None:
            return Unit(self.access(factor), factor, factor.tensor)
        parts = self.bracket(factor) if is_indicator(factor) else self.parted(factor, tight=True)
        return Unit(parts, factor if key is None else key)

    @abstractmethod
    def parted(self, e: Expr, tight: bool = False) -> tuple[Part, ...]:
        """An expression in parts with which a line may begin; `tight` as of `expr`."""

    @abstractmethod
    def operands(self, e: Expr) -> list[Operand]:
        """An expression in parts, all but the first behind a sign: a line may end between them."""

    @abstractmethod
    def bracket(self, e: Expr) -> tuple[Part, ...]:
        """An Iverson bracket."""

    def _coefficient(self, number: Expr, key: Hashable) -> Unit:
        return Unit((Part(self.number(number)),), key)

    def _juxtaposed(self, factors: Sequence[Sequence[Unit]]) -> list[Unit]:
        """Factors, and what stands between them."""
        texts = [text_of(factor) for factor in factors]
        brackets = [len(factor) == 1 and _is_bracket(factor[0]) for factor in factors]
        signs = [
            "",
            *("" if all(pair) else sign for sign, pair in zip(self._times(texts), pairwise(brackets), strict=True)),
        ]
        return [
            u for sign, factor in zip(signs, factors, strict=False) for u in (*([plain(sign)] if sign else []), *factor)
        ]

    def enclosed(self, factor: Expr) -> Unit:
        """A factor before another one: what stands behind the sign of a sum ends with it."""
        text = self.expr(factor, tight=True)
        return Unit((Part(self._parens(text) if isinstance(factor, InnerSum) else text),), factor)


def _with_roots(part: Monomial) -> Monomial:
    """Roots of numbers as one: x/sqrt(2) for sqrt(2) x/2, sqrt(2/pi) for sqrt(2)/sqrt(pi)."""
    roots = [f for f in part.factors if isinstance(f, Pow) and f.base.is_number and abs(f.exp) == _HALF]
    above, below = (Mul(*(f.base for f in roots if f.exp == sign * _HALF)) for sign in (1, -1))
    p, q = sympy.fraction(part.coefficient)
    if above == 1 or not part.coefficient.is_Rational:
        return part
    if above.is_Integer and q % above == 0:
        above, below, q = Integer(1), above * below, q / above
    whole = Pow(below, -_HALF, evaluate=False) if above == 1 else Pow(above / below, _HALF, evaluate=False)
    return replace(part, coefficient=p / q, factors=(whole, *(f for f in part.factors if f not in roots)))


def _is_bracket(unit: Unit) -> bool:
    return isinstance(unit.key, Expr) and is_indicator(unit.key)


def is_inverse(factor: Expr) -> bool:
    """Whether a factor belongs below the line of a fraction."""
    return isinstance(factor, Pow) and bool(factor.exp.is_number and factor.exp.is_negative)
