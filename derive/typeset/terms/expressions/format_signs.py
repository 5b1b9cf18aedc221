"""What a format must say of the signs that expressions are written with."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

from sympy import Expr, Symbol

from gradscribe.derive.derivation.letters.name import Name
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.record.sentence import Place, Reference
from gradscribe.derive.ir.reductions import Reduction
from gradscribe.derive.ir.term import Access
from gradscribe.derive.typeset.terms.row_pieces import Part
from gradscribe.said import ENGLISH


class FormatSigns(ABC):
    """The signs of a format; the indices of the term at hand decide the order in sums."""

    notation: Notation
    indices: tuple[Symbol, ...]
    minus: str
    rounded: str
    pi: str
    at_least: str
    at_most: str
    becomes: str
    unequal: str
    conjunction: str
    disjunction: str
    negation: str
    comma: str
    """What ends an argument of a function before another one."""
    space: str
    """What stands before that."""
    slash = 0
    """How a line may begin with that of a fraction, see `Part`."""

    def __init__(self, notation: Notation, indices: Sequence[Symbol] = (), language: str = ENGLISH) -> None:
        self.notation = notation
        self.indices = tuple(indices)
        self.language = language

    @abstractmethod
    def expr(self, e: Expr, tight: bool = False) -> str:
        """Any expression; `tight` asks for parentheses around sums."""

    def reference(self, e: Reference | Place) -> str:
        """A number that leads to another place, or that place; the number alone where nothing can lead there."""
        return e.word

    @abstractmethod
    def _reduction(self, row: Reduction, groups: Sequence[Sequence[Part]]) -> tuple[Part, ...]:
        """The sign of a reduction with its indices."""

    @abstractmethod
    def number(self, e: Expr) -> str:
        """A number as it is read."""

    @abstractmethod
    def placed(self, value: Expr, place: Access) -> tuple[str, Expr]:
        """The sides of an equation that says which place of a maximum is meant."""

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
    def _partial(self, upper: str, lower: str) -> tuple[Part, ...]: ...
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
    def _head(self, name: str, exponent: str) -> str:
        """The name of a function before its arguments, raised to a power unless that is ""."""

    @abstractmethod
    def _absolute(self, inner: str) -> str: ...
    @abstractmethod
    def _stepped(self, inner: str, up: bool) -> str: ...
    @abstractmethod
    def _floor(self, upper: str, lower: str) -> str: ...
    @abstractmethod
    def _modulo(self, value: str, modulus: str) -> str: ...
    @abstractmethod
    def _ratio(self, upper: str, lower: str) -> str: ...
    @abstractmethod
    def _divides(self, modulus: str, value: str) -> str:
        """``m | a``, without its bracket."""

    @abstractmethod
    def _between(self, value: str, extent: str) -> str: ...
    @abstractmethod
    def _times(self, factors: Sequence[str]) -> list[str]:
        """What stands between each factor and the next."""

    def _iverson(self, inner: str) -> str:
        return f"[{inner}]"

    def _call(self, name: str, arguments: Sequence[str], exponent: str = "") -> str:
        return f"{self._head(name, exponent)}({(self.comma + self.space).join(arguments)})"

    def _around(self, inner: str) -> tuple[str, str]:
        """The parentheses for what stands between them."""
        return "(", ")"

    def _parens(self, inner: str) -> str:
        opening, closing = self._around(inner)
        return f"{opening}{inner}{closing}"

    def _numerator(self, inner: str) -> str:
        """A sum above a line."""
        return self._parens(inner)

    def _ordered(self, indices: Sequence[Symbol]) -> Self:
        return type(self)(self.notation, indices, self.language)

    def _fraction(self, upper: str, lower: str, simple: bool) -> str:
        before, line, after = self._line(simple)
        return f"{before}{upper}{line}{lower}{after}"
