"""A table of sentences as columns of text that share the room of a line; as paragraphs where that takes fewer lines."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import zip_longest

from gradscribe.derive.derivation.record.section_record import Formula
from gradscribe.derive.derivation.record.sentence import Equals, Words
from gradscribe.derive.typeset.document.document import Listing
from gradscribe.derive.typeset.terms.sides import sides
from gradscribe.derive.typeset.writers.text.text_lines import columns, set_out, tied, wrapped
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter

GAP = 2
"""Columns between two cells, and before the first one."""
WORD = 12
"""So many columns are not taken apart: w (31)."""
Cell = Callable[[int], Sequence[str]]
"""The lines of a cell of some width; no line is wider than it must be."""


def listing_lines(listing: Listing, t: TextTypesetter, line: int) -> list[str]:
    """Columns of words, of as few lines as they can have together."""
    stacked = [text for row in listing.rows for text in _stacked(listing.head, row, t, line)]
    table = [[_cell(words, t) for words in row] for row in (listing.head, *listing.rows)]
    widths = _widths(table, line)
    if widths is None or _height(table, widths) > len(stacked):
        return stacked
    head, *rows = [list(_aligned(row, widths)) for row in table]
    rule = " " * GAP + "─" * (sum(widths) + GAP * (len(widths) - 1))
    return [*head, rule, *(text for row in rows for text in row)]


def _aligned(row: Sequence[Cell], widths: Sequence[int]) -> Iterator[str]:
    """The lines of a row, every cell in its column."""
    for parts in zip_longest(*(cell(width) for cell, width in zip(row, widths, strict=True)), fillvalue=""):
        aligned = (part + " " * (width - columns(part)) for part, width in zip(parts, widths, strict=True))
        yield (" " * GAP + (" " * GAP).join(aligned)).rstrip()


def _cell(words: Words, t: TextTypesetter) -> Cell:
    """An equation is broken as one that stands alone, words as a sentence."""

    @cache
    def lines(width: int) -> tuple[str, ...]:
        if not words:
            return ("",)
        if len(words) == 1 and isinstance(words[0], Equals):
            both = sides(Formula(*words[0].args), t.among(words))
            return tuple(line.text.rstrip() for line in set_out("", both.left, both.right, width).lines)
        text = t.tied(words)
        longest = max(columns(word) for word in tied(text).split(" "))
        return tuple(wrapped(text, max(width, min(longest, WORD))))

    return lines


def _widths(table: Sequence[Sequence[Cell]], line: int) -> list[int] | None:
    """The widths of the columns; None where no choice of lines lets them stand side by side."""
    cells = list(zip(*table, strict=True))
    widths = [_width(column, line) for column in cells]
    while sum(widths) + GAP * len(widths) > line:
        narrower = [_width(column, width - 1) for column, width in zip(cells, widths, strict=True)]
        possible = [c for c, (new, old) in enumerate(zip(narrower, widths, strict=True)) if new < old]
        if not possible:
            return None
        choices = [[*widths[:c], narrower[c], *widths[c + 1 :]] for c in possible]
        heights = [(_height(table, choice), -widths[c]) for choice, c in zip(choices, possible, strict=True)]
        widths = choices[heights.index(min(heights))]
    return widths


def _width(column: Sequence[Cell], room: int) -> int:
    """What the lines of a column take that are broken for some room."""
    return max(columns(line) for cell in column for line in cell(max(room, 1)))


def _height(table: Sequence[Sequence[Cell]], widths: Sequence[int]) -> int:
    return sum(max(len(cell(width)) for cell, width in zip(row, widths, strict=True)) for row in table)


def _stacked(head: Sequence[Words], row: Sequence[Words], t: TextTypesetter, line: int) -> Iterator[str]:
    """A row without columns: its first cell, and below it the others, each behind what its column is called."""
    yield from (" " * GAP + text for text in _cell(row[0], t)(line - GAP))
    margin = " " * 2 * GAP
    for name, words in zip(head[1:], row[1:], strict=True):
        if words:
            said = words if len(words) == 1 and isinstance(words[0], Equals) else (*name, ": ", *words)
            yield from (margin + text for text in _cell(said, t)(line - 2 * GAP))
