"""What a reader may choose about a page, whatever its format."""

from dataclasses import dataclass

WIDTH = 100
"""Columns of a page of text where nothing else is asked for."""


@dataclass(frozen=True)
class Look:
    r"""What a reader may choose about a page; a format takes what concerns it.

    Attributes:
        width: columns of text.
        colour: whether text marks what a step changed by the colours of a terminal; LaTeX and Markdown always do.
        fragment: whether LaTeX is to be read into a document by ``\input``.
    """

    width: int = WIDTH
    colour: bool = False
    fragment: bool = False


PLAIN = Look()
