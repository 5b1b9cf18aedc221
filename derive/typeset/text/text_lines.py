"""Rows and sentences of text on as many lines as they need, none longer than a terminal is wide where that can be."""

from collections.abc import Iterator, Sequence

from gradscribe.derive.derivation.notation import Notation
from gradscribe.derive.derivation.record import Definition, Formula, Step
from gradscribe.derive.ir.term import Access, Term
from gradscribe.derive.typeset.terms.sides import OVER, left, sides
from gradscribe.derive.typeset.terms.typesetter import Piece
from gradscribe.derive.typeset.text.text_symbols import TextTypesetter

WIDTH = 110
_BRACKETS = 66
"""The longest row of brackets that no line ends within."""


def row(step: Step) -> str:
    """One row on one line."""
    t = TextTypesetter(step.notation)
    return "".join(broken(t.row(step), f"{left(step, t)} = ", 10**6))


def row_lines(step: Step, width: int = WIDTH) -> list[str]:
    """One row on as many lines as it needs."""
    t = TextTypesetter(step.notation)
    return broken(t.row(step), f"{left(step, t)} = ", width)


def equation_lines(
    equation: Definition | Step | Formula, t: TextTypesetter, margin: str = "  ", number: int | None = None
) -> list[str]:
    """An equation behind a margin."""
    both = sides(equation, t)
    width = WIDTH - 2 + len(margin) - (0 if number is None else 6)
    lines = _with_conditions(broken(both.right, f"{margin}{both.left} = ", width), both.conditions, width)
    return lines if number is None else numbered(lines, number)


def _with_conditions(lines: Sequence[str], conditions: Sequence[str], width: int) -> list[str]:
    """What restricts an extremum, behind the last line, or below it where there is no room."""
    if not conditions:
        return list(lines)
    over = f"{OVER} {', '.join(conditions)}"
    beside = len(lines[-1]) + 3 + len(over) <= width
    return [*lines[:-1], f"{lines[-1]}   {over}"] if beside else [*lines, f"    {over}"]


def numbered(lines: Sequence[str], number: int) -> list[str]:
    """Lines, the first one with a number at the right margin."""
    first, *others = lines
    return [f"{first:<{WIDTH - 5}} ({number})", *others]


def relation_lines(element: Access, sign: str, term: Term, notation: Notation, width: int) -> list[str]:
    """``element sign term``, such as ``dx[s i+r] += …``, on as many lines as it needs."""
    t = TextTypesetter(notation).within(term)
    lines = broken(t.summand(term, (), False), f"{t.expr(element)} {sign} ", width)
    whole = _with_conditions(lines, t.conditions(term), width)
    return [part for line in whole for part in _within(line, width)]


def _within(line: str, width: int) -> list[str]:
    """A line whose pieces are too long for its width, broken between words, or before a sign in a word."""
    if len(line) <= width:
        return [line]
    margin = " " * (len(line) - len(line.lstrip()))
    room = width - len(margin) - 4
    first, *others = (part for words in wrapped(line.strip(), room) for part in _signed(words, room))
    return [margin + first, *(f"{margin}    {other}" for other in others)]


def _signed(words: str, width: int) -> Iterator[str]:
    """What is still too long, broken before the last sign that fits."""
    while len(words) > width and (at := max(words.rfind(sign, 1, width) for sign in "+−")) > 0:
        yield words[:at]
        words = words[at:]
    yield words


def broken(pieces: Sequence[Piece], head: str, width: int) -> list[str]:
    """Pieces after `head`, on several lines where they are too long; a new summand rather starts a line."""
    lines = [head]
    for summand in _chunks(pieces):
        whole = " ".join(summand)
        starts = lines[-1] == head
        if not starts and len(lines[-1]) + 1 + len(whole) > width:
            lines.append(" " * (len(head) + 2))
            starts = True
        for chunk in summand:
            if not starts and len(lines[-1]) + 1 + len(chunk) > width:
                lines.append(" " * max(4, min(len(head) + 2, max(width, WIDTH) - len(chunk))))
                starts = True
            lines[-1] += ("" if starts else " ") + chunk
            starts = False
    return lines


def wrapped(text: str, width: int = WIDTH) -> list[str]:
    """Words on lines."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines


def _chunks(pieces: Sequence[Piece]) -> list[list[str]]:
    """The summands, each as strings between which a line may end: none ends with a constant or a sum sign."""
    summands: list[list[str]] = []
    text, previous = "", "start"
    for piece in pieces:
        sign = {"+": "+ ", "-": "− "}.get(piece.glue)
        if sign is not None or previous == "start":
            if previous != "start":
                summands[-1].append(text)
            text = (sign if summands else (sign or "").strip()) or ""
            text += piece.text
            summands.append([])
        elif previous in ("S", "head"):
            text += " " + piece.text
        elif previous == "[" and piece.glue == "[" and len(text) + len(piece.text) <= _BRACKETS:
            text += piece.text
        else:
            summands[-1].append(text)
            text = piece.text
        previous = "S" if "Σ" in piece.text[:1] else "head" if text == piece.text and _is_head(piece) else piece.glue
    summands[-1].append(text)
    return summands


def _is_head(piece: Piece) -> bool:
    """A constant in front of a sum."""
    return "[" not in piece.text and "/" in piece.text
