"""Sentences of a page: words, and what stands between them."""

from collections.abc import Sequence

from sympy import Expr
from sympy.core.symbol import Str

from gradscribe.derive.ir.term import Access

Words = tuple[str | Expr, ...]
"""A sentence: words and, between them, mathematics. An Access without indices stands for the tensor itself."""


class Scalar(Expr):
    """What is differentiated, E, or S at order 2; it has no name in the equations."""

    def __new__(cls, word: str) -> "Scalar":
        """`word` is one of `derive.layer.letters.SPECIAL`."""
        return Expr.__new__(cls, Str(word) if isinstance(word, str) else word)

    @property
    def word(self) -> str:
        """Which one."""
        return str(self.args[0].name)

    @property
    def indices(self) -> tuple[Expr, ...]:
        """None: it stands where an element of a tensor might."""
        return ()


class Label(Scalar):
    """The label of a level in a sentence: l+1, or the name of a node."""


def level_of(words: Words) -> str:
    """The label of the first level that a sentence names; "" where it names none."""
    return next((w.word for w in words if isinstance(w, Label)), "")


class Letter(Expr):
    """The letter of a tensor without its level, of an error signal delta, in a sentence."""

    @property
    def access(self) -> Access:
        """The tensor."""
        return self.args[0]


class Between(Expr):
    """``0 <= index < extent`` in a sentence."""


class Below(Expr):
    """``index < extent`` in a sentence."""


class Equals(Expr):
    """``a = b`` in a sentence."""


class Hadamard(Expr):
    """The sign of the product element by element, in a sentence."""


class Rounded(Expr):
    """The mark of a row that was evaluated in float64, where others were evaluated exactly."""


class Inverse(Expr):
    """The inverse of a matrix; display only."""


def joined(parts: Sequence[Expr | str], last: str = ", ", between: str = ", ") -> Words:
    """``a, b, c``, with `between` between any two and `last` before the last one."""
    words: list[Expr | str] = []
    for number, part in enumerate(parts):
        if number:
            words.append(last if number == len(parts) - 1 else between)
        words.append(part)
    return tuple(words)
