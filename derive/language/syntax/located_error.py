"""Errors that point at the place in the text."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Self

from gradscribe.derive.ir.quote import listed, located, shown, visible
from gradscribe.derive.ir.reductions import REDUCTIONS
from gradscribe.derive.ir.term import EquationError
from gradscribe.derive.language.definitions.library import library_names
from gradscribe.derive.language.syntax.tree import Place
from gradscribe.derive.language.syntax.words import CONSTANT, FOLDED, FUNCTIONS

WINDOW = 110
"""Characters of a line of the text that a message shows."""


MEANT = {
    "where": "a condition is a factor, in brackets: [x[n] > 0] * a[n] + [not x[n] > 0] * b[n]",
    "einsum": "subscripts stand at their tensors: y[i,k] = sum(j) a[i,j] * w[j,k]",
    "matmul": "a matrix product is a sum over an index: sum(j) a[i,j] * w[j,k]",
    "dot": "a product of vectors is a sum over an index: sum(i) a[i] * w[i]",
}
"""What functions of others are here."""


class LanguageError(EquationError):
    """A mistake in an equation text.

    The first line of the message says where, what is wrong and what was expected; then follow the line of the text and
    a caret below the place.

    It always knows its message, and its place by line, column and length.
    """

    def __init__(self, message: str, place: Place, text: str, source: str = "") -> None:
        where = f"{located(source)}:{place.line}:{place.column}" if source else _words(place)
        super().__init__(f"{where}: {message}\n{pointed(place, text)}")
        self.placed(message, place.line, place.column, place.end)
        self._given = message, place, text, source

    def __reduce__(self) -> tuple[type[Self], tuple[str, Place, str, str]]:
        """How it gets to another process: made again of what it was made of."""
        return type(self), self._given


def _words(place: Place) -> str:
    return f"line {place.line}, column {place.column}"


def pointed(place: Place, text: str) -> str:
    """A line of the text as a terminal shows it, or a window of it around the place, and a caret below the place."""
    from rich.cells import cell_len  # how many columns characters take, which only a mistake asks for

    lines = text.split("\n")
    line = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
    start, end = place.column - 1, max(place.end - 1, place.column)
    left = max(0, start - WINDOW // 2 + 5) if len(line) > WINDOW else 0
    shown = line[left : left + WINDOW].replace("\t", " ")
    before, at = (visible(shown[:n]) for n in (start - left, min(end - left, WINDOW)))
    column = cell_len(before)
    return f"    {visible(shown)}\n    {' ' * column}^{'~' * (cell_len(at) - column - 1)}"


class Located(Exception):
    """A mistake at a place, before the text is at hand; `read` turns it into a `LanguageError`."""

    def __init__(self, message: str, place: Place) -> None:
        super().__init__(message)
        self.message, self.place = message, place


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a name that is not among the `known` ones."""
    names = sorted(set(known))
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]}?"
    return f"expected one of {listed(names)}" if names else "there is none"


def unknown_function(name: str, place: Place, tensors: Iterable[str] = (), names: Iterable[str] = ()) -> Located:
    """The mistake that a function is none of the language, the library, or the `names` that are defined."""
    hint = MEANT.get(name) or (
        f"{name}[...] if it is a tensor"
        if name in tensors or len(name) == 1
        else nearest(name, [*FUNCTIONS, *FOLDED, *REDUCTIONS, CONSTANT, *library_names(), *names])
    )
    return Located(f"unknown function {shown(name)}; {hint}", place)


def stray_index(name: str, place: Place) -> Located:
    """The mistake that an index has no value where it stands."""
    hint = f"put it on the left, reduce over it: sum({name}) ..., or set a parameter: {name} = 0"
    return Located(f"index {name} is neither on the left side nor reduced over; {hint}", place)


def extent_as_index(name: str, index: str, place: Place) -> Located:
    """The mistake that the extent of an index stands where an index is meant."""
    return Located(
        f"{name} is the extent of index {index}, so that it is no index; call one of the two otherwise", place
    )


def extent_of_window(index: str, size: str, place: Place) -> Located:
    """The mistake that an index moves a window, where the size that has its capital is something else."""
    hint = f"write {index} < {size}, or call that size otherwise"
    return Located(f"index {index} moves a window, so that {size} would not be its extent; {hint}", place)


def computed_place(tensor: str, place: Place) -> Located:
    """The mistake that a left side is written at a place that is computed."""
    hint = f"reduce instead: {tensor}[v, ...] = sum(n) [v == label[n]] * ..., where floor(...) may be the label"
    return Located(f"a place on the left side is computed; {hint}", place)
