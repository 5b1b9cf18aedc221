"""Errors that point at the place in the text."""

from derive.language.syntax import Place
from derive.term import EquationError


class LanguageError(EquationError):
    """A mistake in an equation text.

    The first line of the message says where, what is wrong and what was expected; then follow the line of the text and
    a caret below the place.

    Attributes:
        message: what is wrong and what was expected.
        line: the line of the text, counted from 1.
        column: the column, counted from 1.
    """

    def __init__(self, message: str, place: Place, text: str, source: str = "") -> None:
        where = f"{source}:{place.line}:{place.column}" if source else f"line {place.line}, column {place.column}"
        super().__init__(f"{where}: {message}\n{pointed(place, text)}")
        self.message, self.line, self.column = message, place.line, place.column


def pointed(place: Place, text: str) -> str:
    """The line of a text and a caret below the place."""
    lines = text.split("\n")
    shown = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
    start, end = place.column - 1, max(place.end - 1, place.column)
    if len(shown) > 110:  # a window around the place
        left = max(0, start - 50)
        shown, start, end = shown[left : left + 110], start - left, min(end - left, 110)
    shown = "".join(c if c.isprintable() else " " for c in shown)
    return f"    {shown}\n    {' ' * start}^{'~' * (end - start - 1)}"


class Located(Exception):
    """A mistake at a place, before the text is at hand; `read` turns it into a `LanguageError`."""

    def __init__(self, message: str, place: Place) -> None:
        super().__init__(message)
        self.message, self.place = message, place
