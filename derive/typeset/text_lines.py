"""Rows and sentences of text on as many lines as they need, none longer than a terminal is wide where that can be."""

from collections.abc import Sequence

from gradscribe.derive.derivation.record import Definition, Formula, Step
from gradscribe.derive.typeset.sides import OVER, left, sides
from gradscribe.derive.typeset.text_symbols import TextTypesetter
from gradscribe.derive.typeset.typesetter import Piece

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


def equation_lines(equation: Definition | Step | Formula, t: TextTypesetter, margin: str = "  ") -> list[str]:
    """An equation without a number, behind a margin."""
    both = sides(equation, t)
    lines = broken(both.right, f"{margin}{both.left} = ", WIDTH - 2 + len(margin))
    if both.conditions:
        lines[-1] += f"   {OVER} {', '.join(both.conditions)}"
    return lines


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
