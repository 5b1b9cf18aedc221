"""Numbers in the places of names: products with a sign between the factors, negative numbers in parentheses."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from sympy import Add, Expr

from gradscribe.derive.derivation.forms.example.spelling import Numeral, Spelt


class NumberWriter(ABC):
    """Writes what an example works out."""

    minus: str
    dot: str

    @abstractmethod
    def expr(self, e: Expr, tight: bool = False) -> str:
        """Any expression."""

    @abstractmethod
    def number(self, e: Expr) -> str:
        """A number."""

    @abstractmethod
    def _parens(self, inner: str) -> str: ...
    @abstractmethod
    def _fraction(self, upper: str, lower: str, simple: bool) -> str: ...

    def numeral(self, e: Numeral) -> str:
        """A number that stands beside others."""
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
