"""Numbers, alone and in the places of names, with a sign between factors; places of maxima, (r,t)=(r*,t*)."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from decimal import Decimal

from sympy import Add, Expr

from gradscribe.derive.derivation.forms.example.spelling import Coordinates, Numeral, Spelt
from gradscribe.derive.derivation.forward.place import coordinates
from gradscribe.derive.derivation.forward.place import number as numbered
from gradscribe.derive.derivation.record.sentence import Measured
from gradscribe.derive.ir.index import mod
from gradscribe.derive.ir.term import Access
from gradscribe.derive.typeset.terms.expressions.format_signs import FormatSigns

_DIGITS = 16
"""An integer of more is a power of ten where it is a float of few digits."""


def _is_round(number: int) -> bool:
    """Whether an integer is read best as a float: -10^30, but not 2^64."""
    if not 10**_DIGITS <= abs(number) < 10**308:
        return False
    short = repr(float(number))
    return len(short) <= _DIGITS // 2 and number in (int(float(number)), int(Decimal(short)))


class NumberWriter(FormatSigns, ABC):
    """Writes what an example works out, and which place is meant."""

    within_extents: Mapping[Expr, Expr] = {}
    """What brackets of the term at hand keep from 0 up to an extent."""
    infinity: str
    dot: str

    @abstractmethod
    def power_of_ten(self, mantissa: str, exponent: int) -> str:
        """``4e-16`` as it is read: 4 times ten to the minus sixteen."""

    def number(self, e: Expr) -> str:
        """A number as it is read; floats, and integers of few digits and many zeros, in the fewest that name them."""
        if e.is_infinite:
            return self.infinity if e > 0 else self.minus + self.infinity
        if e.is_Integer and not _is_round(int(e)):
            return str(int(e)).replace("-", self.minus)
        if e.is_Rational and not e.is_Integer:
            return self._fraction(str(e.p), str(e.q), True)
        mantissa, _, exponent = repr(float(e)).partition("e")
        text = self.power_of_ten(mantissa, int(exponent)) if exponent else mantissa
        return f"{self.minus}{text[1:]}" if text.startswith("-") else text

    def figure(self, e: Measured) -> str:
        """A mantissa and a power of ten; the power is left out where it is 1."""
        return self.power_of_ten(e.mantissa, e.exponent) if e.exponent else e.mantissa

    def numeral(self, e: Numeral) -> str:
        """A number that stands beside others."""
        if isinstance(e.number, Coordinates):
            return self.expr(e.number)
        text = self.number(e.number)
        return self._parens(text) if text.startswith(self.minus) else text

    def spelt(self, e: Spelt) -> str:
        """Factors in their order, those below a line below it."""
        upper = self._product_of(e.upper)
        return self._fraction(upper, self._product_of(e.lower), len(e.lower) == 1) if e.lower else upper

    def _product_of(self, factors: Sequence[Expr]) -> str:
        alone = len(factors) == 1
        return (
            self.dot.join(
                self._parens(self.expr(f)) if isinstance(f, Add) and not alone else self.expr(f) for f in factors
            )
            or "1"
        )

    def placed(self, value: Expr, place: Access) -> tuple[str, Expr]:
        """The sides of ``(r,t)=(r*,t*)[n,i,j,c]``; equal numbers of places where that is not the same."""
        if isinstance(value, Coordinates):
            return self.expr(value), place
        ranges = self.notation.places[place.tensor]
        found = coordinates(value, ranges, self.within_extents)
        if found is None:
            return self.expr(value), numbered(place.tensor, place.indices, ranges, Access)
        texts = [self.expr(e) for e in found]
        texts = [text[1:-1] if isinstance(e, mod) else text for e, text in zip(found, texts, strict=True)]
        return texts[0] if len(texts) == 1 else f"({','.join(texts)})", place
