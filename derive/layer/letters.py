"""Letters as a reader asks for them: ``goodfellow, n=N, brackets``, in an option, a file or from Python.

What the names of a page are is known to its derivation, `derive.derivation.letters`; here is what can be said of a
request by itself: its words, its form, and the notations that have a name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import listed, quoted
from gradscribe.said import Message

SPECIAL = {
    "E": Message("the scalar that is differentiated"),
    "S": Message("the scalar of order 2"),
    "delta": Message("the error signal"),
    "l": Message("the layer's number"),
    "f": Message("an activation"),
}
"""What a page has without the equations having a name for it."""
LONGEST = 20
_LETTER = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*'*")


@dataclass(frozen=True)
class Style:
    """How index sets and levels are written.

    Attributes:
        brackets: index sets in brackets, or as subscripts; None as each format has it.
        dense: subscripts that are single letters without commas, levels without parentheses.
    """

    brackets: bool | None = None
    dense: bool = False


PLAIN = Style()


@dataclass(frozen=True)
class Vocabulary:
    """Letters by name, for each kind of name apart: i may be an index in one layer and a gate in another."""

    indices: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, str] = field(default_factory=dict)
    tensors: Mapping[str, str] = field(default_factory=dict)
    specials: Mapping[str, str] = field(default_factory=dict)
    style: Style = PLAIN


@dataclass(frozen=True)
class Letters:
    """A request.

    Attributes:
        chosen: letters asked for one by one, (name, letter).
        notation: a row of `NOTATIONS`, "" for none. Its letters are taken for the names that a page has.
        brackets: index sets in brackets, or as subscripts; None where nothing is said.
    """

    chosen: tuple[tuple[str, str], ...] = ()
    notation: str = ""
    brackets: bool | None = None

    @property
    def vocabulary(self) -> Vocabulary:
        """The letters of the notation."""
        return NOTATIONS.get(self.notation, Vocabulary())

    @property
    def style(self) -> Style:
        """How index sets and levels are written."""
        style = self.vocabulary.style
        return style if self.brackets is None else replace(style, brackets=self.brackets)

    def over(self, other: "Letters") -> "Letters":
        """This request where it says something, `other` elsewhere."""
        return Letters(
            tuple({**dict(other.chosen), **dict(self.chosen)}.items()),
            self.notation or other.notation,
            other.brackets if self.brackets is None else self.brackets,
        )


NONE = Letters()

NOTATIONS = {
    "pytorch": Vocabulary(
        indices={"i": "h", "j": "w"},
        sizes={"C": "C_in", "K": "C_out", "R": "kH", "T": "kW"},
        tensors={"x": "input", "w": "weight", "b": "bias"},
        style=Style(brackets=True),
    ),
    "goodfellow": Vocabulary(
        indices={"n": "e", "k": "i", "i": "j", "j": "k", "c": "l", "r": "m", "t": "n"},
        sizes={"N": "B", "K": "I", "C": "L", "R": "M", "T": "N"},
        tensors={"x": "V", "w": "K", "u": "Z"},
        specials={"E": "J", "delta": "G", "l": "q"},
    ),
    "founding": Vocabulary(
        indices={"k": "m", "c": "k"},
        sizes={"K": "M", "C": "K", "R": "H", "T": "W", "H": "I", "W": "J"},
        style=Style(brackets=False, dense=True),
    ),
}
"""Notations by name.

pytorch: sizes and parameters as in PyTorch's documentation, N, C_in, C_out, H, W, kH, kW. Axes stay where they are: an
image is (N, H, W, C_in) here and (N, C_in, H, W) there, a weight (kH, kW, C_in, C_out) and (C_out, C_in, kH, kW).
goodfellow: Goodfellow, Bengio and Courville, Deep Learning, 2016, section 9.5: input V, kernel K, output Z, gradient G
of the cost J.
founding: the text that this project began with, u^l_{ijm}, b^l_m, a kernel of H, W, K: m counts kernels, k the channels
that each reads. It has i and j for the positions of both image and kernel, which are two things: a kernel has r and t
here. It speaks of one example; of several, n is the first index. Axes stay where they are: w^l_{ijmk} is w^l_{rtkm}.
"""
_WORDS = {"brackets": True, "subscripts": False}


def read_letters(request: str | Mapping[str, str], where: str = "letters") -> Letters:
    """A request as text, ``goodfellow, n=N``, or as letters by name.

    Args:
        request: items between commas: the name of a notation, "brackets" or "subscripts", or NAME=LETTER.
        where: what errors begin with.

    Raises:
        EquationError: for an item that is none of these, a letter that is none, and a name that is given twice.
    """
    if isinstance(request, Mapping):
        return _added(Letters(), [(str(name), str(letter)) for name, letter in request.items()], where)
    items = [item.strip() for item in request.split(",")] if request.strip() else []
    found, pairs = Letters(), []
    for item in items:
        name, sign, letter = (part.strip() for part in item.partition("="))
        if sign:
            pairs.append((name, letter))
        elif item in NOTATIONS:
            found = replace(found, notation=_once(found.notation, item, where))
        elif item in _WORDS:
            found = replace(found, brackets=_WORDS[item])
        else:
            known = [*NOTATIONS, *_WORDS]
            close = get_close_matches(item, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise EquationError(f"{where}: {quoted(item)}: expected NAME=LETTER, or one of {listed(known)}{hint}")
    return _added(found, pairs, where)


def _once(before: str, word: str, where: str) -> str:
    if before and before != word:
        raise EquationError(f"{where}: two notations, {before} and {word}; expected one")
    return word


def _added(found: Letters, pairs: list[tuple[str, str]], where: str) -> Letters:
    known: dict[str, str] = {}
    for name, letter in pairs:
        if not _LETTER.fullmatch(letter) or len(letter) > LONGEST:
            raise EquationError(
                f"{where}: {quoted(name)} cannot be written {quoted(letter)}; expected a letter, a Greek letter's name "
                f"or a word, with marks and primes such as H_in or n', of at most {LONGEST} characters"
            )
        if name in known:
            raise EquationError(f"{where}: {quoted(name)} is given two letters")
        known[name] = letter
    return replace(found, chosen=tuple(known.items()))
