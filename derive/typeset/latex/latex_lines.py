"""The right side of an equation on as many lines of LaTeX as it needs."""

from collections.abc import Sequence

from gradscribe.derive.typeset.mathematics.latex_symbols import glue
from gradscribe.derive.typeset.mathematics.latex_width import width
from gradscribe.derive.typeset.terms.typesetter import Piece


def broken(pieces: Sequence[Piece], budget: float, new: frozenset[str] = frozenset()) -> list[str]:
    """The pieces in lines; a line neither ends with a constant nor with a sum sign.

    Args:
        pieces: the right side.
        budget: what a line holds, in em.
        new: the keys of the parts that are coloured, as they have just changed.
    """
    lines: list[str] = []
    text, used = "", 0.0
    before: Piece | None = None
    for number, piece in enumerate(pieces):
        marked = "".join(rf"\new{{{p.text}}}" if p.key in new else p.text for p in piece.parts)
        size = width(glue(piece, before or piece) + piece.text)
        starts = piece.glue in ("+", "-")  # a new summand may always start a line
        heads = number > 0 and not starts and (pieces[number - 1].glue == "S" or _is_head(pieces[number - 1]))
        reach = used + size + sum(width(p.text) for p in _following(pieces, number))
        if piece.glue == "S" and used > budget / 3:  # a whole sum rather stands on a line of its own
            rest = width("".join(p.text for p in _to_the_next_sign(pieces, number)))
            reach = used + rest if rest + 2 <= budget else reach
        if text and not heads and reach > budget:
            lines.append(text)
            text, used, before = "{}", 2.0, piece if piece.glue == "[" else before
        text += glue(piece, before) + marked
        before = piece
        used += size
    return [*lines, text]


def _to_the_next_sign(pieces: Sequence[Piece], number: int) -> Sequence[Piece]:
    """The pieces of a summand from one of them on."""
    signs = (n for n in range(number + 1, len(pieces)) if pieces[n].glue in ("+", "-"))
    return pieces[number : next(signs, len(pieces))]


def _following(pieces: Sequence[Piece], number: int) -> Sequence[Piece]:
    """The pieces that a line must hold, too, if it holds the one of that number: it does not end before them."""
    stop = number
    while stop + 1 < len(pieces) and (pieces[stop].glue == "S" or _is_head(pieces[stop])):
        if pieces[stop + 1].glue in ("+", "-"):  # before which a line may end
            break
        stop += 1
    return pieces[number + 1 : stop + 1]


def _is_head(piece: Piece) -> bool:
    """A constant in front of a sum."""
    constant = piece.glue == "" and len(piece.parts) == 1
    return piece.glue in ("+", "-") or constant or piece.text.startswith(r"\frac{1}")
