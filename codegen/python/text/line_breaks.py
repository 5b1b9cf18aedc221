"""Line breaks: long statements in the house format, so that generated files need no formatter.

A line is made of texts, brackets with items, and operators. One that is too long is broken at its last outermost
bracket before which it fits, first with the content on one line of its own, else with one item per line and a trailing
comma; an item that is too long, before its operators.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

WIDTH = 120
INDENT = "    "
ALL, SUMS, PRODUCTS = ("and", "&&"), ("+", "-"), ("*", "/", "//", "%")
PRECEDENCES = (("||",), ALL, (">=", "<=", ">", "<", "==", "!="), ("&",), SUMS, PRODUCTS)
"""The operators before which an item may be broken, the loosest first."""


@dataclass(frozen=True)
class Bracket:
    """Items in brackets; a `comma` may follow the last one when each has a line, after a `single` it must.

    Where commas are `between` items only, as C has it, none follows the last one.

    Those of a `literal` have a line each where one does not hold them all. Where they are `full`, as many as fit
    stand on a line.
    """

    start: str
    items: "tuple[Line, ...]"
    stop: str
    comma: bool = False
    single: bool = False
    literal: bool = False
    full: bool = False
    between: bool = False

    @cached_property
    def content(self) -> str:
        """What is in it, unbroken."""
        return ", ".join(flat(item) for item in self.items) + ("," if self.single else "")


@dataclass(frozen=True)
class Operator:
    """An operator between blanks."""

    text: str


Piece = str | Bracket | Operator
Line = tuple[Piece, ...]


def flat(line: Line) -> str:
    """A line unbroken."""
    return "".join(_flat(piece) for piece in line)


def _flat(piece: Piece) -> str:
    match piece:
        case str():
            return piece
        case Operator(text):
            return f" {text} "
        case Bracket():
            return f"{piece.start}{piece.content}{piece.stop}"


def wrapped(head: Line, value: Line, margin: int, remark: str = "") -> list[str]:
    """A statement: `head` and a value; what no bracket of its ends could break is in parentheses.

    That is a sum, a product or a chain of conditions. A remark stands behind the first line; where it alone has no
    room, it is left out.
    """
    whole = (*head, *value)
    words = f"  # {remark}" if remark else ""
    if margin + len(flat(whole)) <= WIDTH:
        return [flat(whole) + (words if margin + len(flat(whole)) + len(words) <= WIDTH else "")]
    operands = next((parts for level in (ALL, SUMS, PRODUCTS) if (parts := _operands(value, level))), [])
    ends = [piece for piece in (*value[:1], *value[-1:]) if isinstance(piece, Bracket)]
    breakable = bool(ends) and ends[-1].start != "["
    if head and len(operands) >= (3 if breakable else 2):
        inner = margin + len(INDENT)
        rows = [value] if inner + len(flat(value)) <= WIDTH else operands
        found = [f"{flat(head)}(", *_indented(rows, inner), ")"]
    else:
        found = _broken(whole, margin)
    return [found[0] + words, *found[1:]]


def alternatives(head: str, values: Sequence[Line], margin: int) -> list[str]:
    """`head` and values with commas between them, in parentheses with a line for each where they are too long."""
    whole = head + ", ".join(flat(v) for v in values)
    if margin + len(whole) <= WIDTH:
        return [whole]
    if len(values) == 1:
        return fit((head, *values[0]), margin)
    return [f"{head}(", *_items(values, margin, ","), ")"]


def fit(line: Line, margin: int) -> list[str]:
    """A line broken so that it fits behind a margin, which is not added."""
    return [flat(line)] if margin + len(flat(line)) <= WIDTH else _broken(line, margin)


def _broken(line: Line, margin: int) -> list[str]:
    brackets = [k for k, piece in enumerate(line) if isinstance(piece, Bracket) and piece.items]
    if not brackets:
        return [flat(line)]
    place = next((k for k in reversed(brackets) if margin + len(flat(line[:k])) < WIDTH), brackets[0])
    bracket = line[place]
    assert isinstance(bracket, Bracket)  # by the choice of its place
    head, tail = flat(line[:place]) + bracket.start, (bracket.stop, *line[place + 1 :])
    inner = margin + len(INDENT)
    if not bracket.literal and inner + len(bracket.content) <= WIDTH:
        return [head, INDENT + bracket.content, *fit(tail, margin)]
    comma = "," if bracket.comma else ""
    if bracket.full:
        return [head, *_rows(bracket.items, inner), *fit(tail, margin)]
    if bracket.between:
        *items, last = bracket.items
        return [head, *_items(items, margin, ","), *_items([last], margin, ""), *fit(tail, margin)]
    return [head, *_items(bracket.items, margin, comma), *fit(tail, margin)]


def _items(items: Sequence[Line], margin: int, comma: str) -> list[str]:
    inner = margin + len(INDENT)
    return [INDENT + part for item in items for part in _item((*item, comma) if comma else item, inner)]


def _rows(items: Sequence[Line], margin: int) -> list[str]:
    """Items with commas behind them, as many on a line as fit."""
    rows = [INDENT]
    for item in items:
        text = f"{flat(item)},"
        if margin - len(INDENT) + len(rows[-1]) + len(text) > WIDTH:
            rows[-1] = rows[-1].rstrip()
            rows.append(INDENT)
        rows[-1] += f"{text} "
    rows[-1] = rows[-1].rstrip()
    return rows


def _item(line: Line, margin: int) -> list[str]:
    """The lines of an item within brackets: it may be broken before its operators of lowest precedence."""
    if margin + len(flat(line)) <= WIDTH:
        return [flat(line)]
    operands = next((found for level in PRECEDENCES if (found := _operands(line, level))), [])
    return [part for o in operands for part in _item(o, margin)] if operands else fit(line, margin)


def _operands(line: Line, operators: Sequence[str]) -> list[Line]:
    """A line cut before its outermost `operators`; nothing where there is none."""
    cuts = [k for k, piece in enumerate(line) if isinstance(piece, Operator) and piece.text in operators]
    parts = [line[a:b] for a, b in pairwise([0, *cuts, len(line)])] if cuts else []
    return [_leading(part) for part in parts]


def _leading(line: Line) -> Line:
    """A part that begins with an operator has no blank before it."""
    first = line[0]
    return (f"{first.text} ", *line[1:]) if isinstance(first, Operator) else line


def _indented(rows: Sequence[Line], margin: int) -> list[str]:
    return [INDENT + part for row in rows for part in _item(row, margin)]
