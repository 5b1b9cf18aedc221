"""Sentences of a page: words, and what stands between them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sympy import Expr, Integer
from sympy.core.symbol import Str

from gradscribe.derive.ir.term import Access
from gradscribe.said import Message, Said

Words = tuple[str | Expr | Said, ...]
"""A sentence: words and, between them, mathematics. An Access without indices stands for the tensor itself.

What is ours to say is `Said`, so that every language has it in its own order; a string is a mark or somebody's word.
"""
Spoken = tuple[str | Expr, ...]
"""A sentence in one language."""
AND, OR = Message(" and "), Message(" or ")
"""Before the last one of a list."""


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


class Reference(Scalar):
    """A number in a sentence that leads to what has it: a section, a work in a list."""


class Place(Scalar):
    """The number of a work where it stands in the list: what references lead to."""


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


class Measured(Expr):
    """A figure in a sentence: a mantissa and a power of ten."""

    def __new__(cls, mantissa: str, exponent: int) -> "Measured":
        """The mantissa as it is printed."""
        return Expr.__new__(cls, Str(mantissa) if isinstance(mantissa, str) else mantissa, Integer(exponent))

    @property
    def mantissa(self) -> str:
        """The mantissa."""
        return str(self.args[0].name)

    @property
    def exponent(self) -> int:
        """The power of ten."""
        return int(self.args[1])


def joined(parts: Sequence[Expr | str | Words], last: str = ", ", between: str = ", ") -> Words:
    """``a, b, c``, with `between` between any two and `last` before the last one."""
    words: list[Expr | str | Said] = []
    for number, part in enumerate(parts):
        if number:
            words.append(last if number == len(parts) - 1 else between)
        words += part if isinstance(part, tuple) else (part,)
    return tuple(words)


def mathematics(words: Words) -> Iterator[Expr]:
    """The expressions of a sentence."""
    for word in words:
        if isinstance(word, Said):
            yield from (e for _, inner in word.places for e in mathematics(inner))
        elif not isinstance(word, str):
            yield word


def level_of(words: Words) -> str:
    """The label of the first level that a sentence names; "" where it names none."""
    return next((e.word for e in mathematics(words) if isinstance(e, Label)), "")


def put_for(expression: Expr, put: Words, words: Words) -> Words:
    """The sentence with words in the place of an expression."""
    found: list[str | Expr | Said] = []
    for word in words:
        if isinstance(word, Said):
            places = tuple((name, put_for(expression, put, inner)) for name, inner in word.places)
            found.append(replace(word, places=places))
        else:
            found += put if word == expression else (word,)
    return tuple(found)


def are_words(words: Words) -> bool:
    """Whether anything is said but mathematics, in brackets or not."""
    return any(isinstance(word, Said) or (isinstance(word, str) and word.strip(" []")) for word in words)
