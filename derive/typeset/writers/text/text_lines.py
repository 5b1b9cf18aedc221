"""Rows and sentences of text on as many lines as they need, none longer than the page is wide where that can be."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from unicodedata import combining, east_asian_width

from gradscribe.derive.calculus.passes.left_side import equation
from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.record.page_record import Definition
from gradscribe.derive.derivation.record.section_record import Formula, Step
from gradscribe.derive.ir.term import Access, Statement, Term
from gradscribe.derive.typeset.document.look import WIDTH
from gradscribe.derive.typeset.terms.row_breaks import broken
from gradscribe.derive.typeset.terms.row_pieces import LEVELS, Piece
from gradscribe.derive.typeset.terms.sides import OVER, left, sides
from gradscribe.derive.typeset.writers.text.text_symbols import MAY_END, TIE, TextTypesetter
from gradscribe.said import in_words

NUMBER = 6
"""What a number takes at the right margin."""
_HANG = 2
_ALONE = 3
"""So few characters, such as "d.", make no line of words."""
Ink = Callable[[str], str]
"""How what a step changed is shown."""


@dataclass(frozen=True)
class TextLine:
    """A line, and how many columns of a terminal it takes, colour aside."""

    text: str
    width: int


@dataclass(frozen=True)
class Laid:
    """An equation on lines.

    `cost`: by how much they are too wide, how many are cut within an element, how many go on with a product, or begin
    one, and how many are in the way of the number.
    """

    lines: tuple[TextLine, ...]
    cost: tuple[int, int, int, int]


@lru_cache(maxsize=20_000)  # pages are made of few different pieces
def columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(c) or c == MAY_END else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def row(step: Step) -> str:
    """One row on one line."""
    t = TextTypesetter(step.notation)
    (line,) = laid(f"{left(step, t)} = ", t.row(step), 10**6).lines
    return line.text


def statement(source: Statement) -> str:
    """One statement on one line."""
    left_, term = equation(source)
    return "".join(equation_lines(Definition(left_, (term,)), TextTypesetter(Notation()), margin="", width=10**6))


def row_lines(step: Step, width: int = WIDTH) -> list[str]:
    """One row on as many lines as it needs."""
    t = TextTypesetter(step.notation)
    return [line.text for line in set_out("", left(step, t), t.row(step), width).lines]


def equation_lines(
    of: Definition | Step | Formula,
    t: TextTypesetter,
    margin: str = "  ",
    number: int | None = None,
    width: int = WIDTH,
) -> list[str]:
    """An equation behind a margin."""
    both = sides(of, t)
    room = width if number is None else width - NUMBER
    found = set_out(margin, both.left, both.right, room, both.sign, number=width - room)
    lines = _with_conditions(found.lines, both.conditions, room, t.words(OVER))
    return [line.text for line in lines] if number is None else numbered(lines, number, width)


def _with_conditions(
    lines: Sequence[TextLine], conditions: Sequence[str], room: int, word: str = in_words(OVER)
) -> list[TextLine]:
    """What restricts an extremum, behind the last line, or below it where there is no room."""
    if not conditions:
        return list(lines)
    over, last = f"{word} {', '.join(conditions)}", lines[-1]
    if last.width + 3 + columns(over) <= room:
        return [*lines[:-1], TextLine(f"{last.text}   {over}", last.width + 3 + columns(over))]
    return [*lines, *(TextLine(f"    {line}", 4 + columns(line)) for line in wrapped(over, room - 4))]


def numbered(lines: Sequence[TextLine], number: int, width: int) -> list[str]:
    """Lines with a number at the right margin of the first one that has room for it."""
    sign = f"({number})"
    behind = max(NUMBER, len(sign) + 1)
    beside = next((n for n, line in enumerate(lines) if line.width <= width - behind), len(lines))
    every = [*lines, TextLine("", 0)] if beside == len(lines) else lines
    gap = width - NUMBER + 1
    return [
        f"{line.text}{' ' * max(gap - line.width, 1)}{sign}" if n == beside else line.text
        for n, line in enumerate(every)
    ]


def relation_lines(element: Access, sign: str, term: Term, order: tuple[str, ...], width: int) -> list[str]:
    """``element sign term``, such as ``dx[s i+r] += …``, on as many lines as it needs; `order` as in a Notation."""
    left_, right, conditions = _sides(element, term, order)
    whole = _with_conditions(set_out("", left_, right, width, sign).lines, conditions, width)
    return [part for line in whole for part in _within(line.text, width)]


@lru_cache(maxsize=4096)  # a docstring, a comment and a plan have the same equations on lines of their own width
def _sides(element: Access, term: Term, order: tuple[str, ...]) -> tuple[str, tuple[Piece, ...], tuple[str, ...]]:
    """The left side, the pieces of the right one, and its conditions."""
    t = TextTypesetter(Notation(order=order)).within(term)
    return t.expr(element), tuple(t.summand(term, (), False)), tuple(t.conditions(term))


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


def set_out(
    margin: str,
    name: str,
    right: Sequence[Piece],
    room: int,
    sign: str = "=",
    ink: Ink = str,
    number: int = 0,
    indent: int = _HANG,
) -> Laid:
    """``name = right``; the name stands on a line of its own where the right side needs its room.

    The right side then begins by `indent` farther right.
    """
    beside = laid(f"{margin}{name} {sign} ", right, room, ink, number)
    if not any(beside.cost):
        return beside
    above = laid(f"{margin}{' ' * indent}{sign} ", right, room, ink, number)
    named = TextLine(f"{margin}{name}", columns(margin) + columns(name))
    return min(beside, Laid((named, *above.lines), above.cost), key=lambda found: found.cost)


def laid(head: str, right: Sequence[Piece], room: int, ink: Ink = str, number: int = 0) -> Laid:
    """A right side after `head`; summands stand below each other, what is left of a product farther right.

    Behind `room` are the columns of its `number`: it gives way to a product that is whole with them only.
    """
    margin = columns(head)
    pieces = list(_cut(right, room + number - margin - _HANG))
    found = broken(pieces, _measure, room - margin, _HANG, number)
    heads = [head, *(" " * (margin + _HANG * line.within) for line in found[1:])]
    lines = tuple(
        TextLine(before + _written(line.pieces, ink), columns(before) + int(line.width))
        for before, line in zip(heads, found, strict=True)
    )
    too_wide = sum(max(line.width - room - number, 0) for line in lines)
    within = sum((line.within > 0) + line.pieces[-1].is_sum_sign for line in found)
    return Laid(lines, (too_wide, len(pieces) - len(right), within, sum(line.width > room for line in lines)))


def _cut(pieces: Sequence[Piece], room: int, level: int = 1) -> Iterator[Piece]:
    """The pieces; of one that is wider than a line those between which it may end."""
    for piece in pieces:
        wide = level <= LEVELS and _measure(piece, None) > room - _HANG * piece.nested
        yield from _cut(piece.cut(level), room, level + 1) if wide else (piece,)


def _written(pieces: Sequence[Piece], ink: Ink) -> str:
    first = pieces[0]
    start, *rest = first.parts
    parts = [replace(start, text=start.text.lstrip()), *rest]  # of a sum that goes on, the sign begins the line
    runs = [(_glue(first, None), parts), *((_glue(p, b), list(p.parts)) for b, p in pairwise(pieces))]
    return "".join(glue + "".join(ink(p.text) if p.new else p.text for p in found) for glue, found in runs)


def _measure(piece: Piece, before: Piece | None) -> int:
    text = piece.text if before is not None else piece.text.lstrip()
    return len(_glue(piece, before)) + columns(text)


def _glue(piece: Piece, before: Piece | None) -> str:
    """What stands between a piece and the one before it, None at the start of a line."""
    if piece.glue in ("+", "-"):
        sign = {"+": "+", "-": "−"}[piece.glue]
        return f" {sign} " if before is not None else f"{sign} "
    if piece.glue in ("", "~"):
        return ""
    if before is None:  # a product goes on
        return "· "
    return "" if piece.bracket and before.bracket else " "


_TIED = 30
"""The most columns of something in brackets that no line ends within."""
_WORD = re.compile(r"[a-z]{4}")
"""What is in brackets and no mathematics; a mod s is."""


def wrapped(text: str, width: int = WIDTH) -> list[str]:
    """Words on lines; what is tied, or in short brackets, on one, and no letter or number alone on the last."""
    whole = (part for word in tied(text).split(" ") for part in _loosened(word, width))
    untied = (part for word in whole for part in (word.split(TIE) if columns(word) > width else [word]))
    words = (part for word in untied for part in _ended(word, width))
    lines = [""]
    for word in words:
        if lines[-1] and columns(lines[-1]) + 1 + columns(word) > width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    *others, last = lines
    while others and len(last) <= _ALONE and " " in others[-1]:
        others[-1], _, before = others[-1].rpartition(" ")
        last = f"{before} {last}"
    return [line.replace(TIE, " ").replace(MAY_END, "") for line in (*others, last)]


def _ended(word: str, width: int) -> Iterator[str]:
    """Mathematics that is wider than a line, in as few parts as are not."""
    part, *others = word.split(MAY_END)
    for other in others:
        if columns(word) > width and columns(part) + columns(other) > width:
            yield part
            part = ""
        part += other
    yield part


def _loosened(word: str, width: int) -> Iterator[str]:
    """What is tied, apart where it is too wide for a line, and then not in brackets."""
    depth, start = 0, 0
    for place, sign in enumerate(word) if columns(word) > width else ():
        depth += (sign in "([{") - (sign in ")]}")
        if sign == TIE and not depth:
            yield word[start:place]
            start = place + 1
    yield word[start:]


def tied(text: str) -> str:
    """A text in which short brackets are one word: a shape (N, H, W, C), (a mod s)."""
    found, opened = list(text), list[int]()
    for place, sign in enumerate(text):
        if sign in "([{":
            opened.append(place)
        elif sign in ")]}" and opened:
            start = opened.pop()
            if place - start < _TIED and not _WORD.search(text, start, place):
                found[start:place] = text[start:place].replace(" ", TIE)
    return "".join(found)
