"""The right side of an equation on as many lines of LaTeX as it needs."""

from collections.abc import Callable, Sequence

from gradscribe.derive.typeset.mathematics.latex_symbols import glue, joined
from gradscribe.derive.typeset.mathematics.latex_width import width
from gradscribe.derive.typeset.terms.row_breaks import Line
from gradscribe.derive.typeset.terms.row_breaks import broken as in_lines
from gradscribe.derive.typeset.terms.row_pieces import Piece

MARGIN = 2.0
"""Where further lines begin, in em; twice as far right where they go on with a product."""


def broken(pieces: Sequence[Piece], budget: float) -> list[Line]:
    """The pieces in lines, the further ones behind a margin; `budget` is what the first holds, in em."""
    whole = sum(_measure(piece, pieces[n - 1] if n else None) for n, piece in enumerate(pieces))
    return in_lines(pieces, _measure, budget if whole <= budget else budget - MARGIN, MARGIN)


def cost(lines: Sequence[Line], budget: float) -> tuple[int, int]:
    """How many lines are too wide, and how many go on with a product."""
    held = (budget - MARGIN * ((n > 0) + line.within) for n, line in enumerate(lines))
    return sum(line.width > room for line, room in zip(lines, held, strict=True)), sum(
        line.within > 0 for line in lines
    )


def new(text: str) -> str:
    """What a step changed, by a command of the page."""
    return rf"\new{{{text}}}"


def written(lines: Sequence[Line], mark: Callable[[str], str] = new) -> list[str]:
    """The lines as LaTeX, the further ones with their margins."""
    return [_written(line, n > 0, mark) for n, line in enumerate(lines)]


def _written(line: Line, further: bool, mark: Callable[[str], str]) -> str:
    margin = r"\qquad" * (further + line.within) + " " if further else ""
    return margin + ("{}" if further and line.pieces[0].glue in ("+", "-") else "") + joined(line.pieces, mark)


def _measure(piece: Piece, before: Piece | None) -> float:
    return width(glue(piece, before) + piece.text)
