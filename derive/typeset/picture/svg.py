"""A picture as SVG: matrices of squares, those that an element is made of in the colours of its summands."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from gradscribe.derive.derivation.forms.example.sheets import cell
from gradscribe.derive.ir.interpret.plain import Place
from gradscribe.derive.typeset.picture.picture import Panel, Picture
from gradscribe.derive.typeset.terms.sides import left
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from gradscribe.said import ENGLISH, Message, in_words, say

CELL, GAP, APART, ABOVE, EDGE, LINE = 26, 3, 34, 26, 12, 18
"""Of a square, between two, between matrices, for the name above one, around all, and of a line, in pixels."""
WIDEST = 900
"""After so many pixels matrices go on below."""
MOST_HUES = 16
"""Summands that have a colour each; of more, all have one."""
STYLE = """
svg { font: 15px/1 "DejaVu Serif", Georgia, serif; --ink: #1b1f24; --cell: #e4e7e2; --edge: #9aa29a; --lit: 78%; }
@media (prefers-color-scheme: dark) { svg { --ink: #e6e8e3; --cell: #363c42; --edge: #7d868f; --lit: 34%; } }
text { fill: var(--ink); }
.cell { fill: var(--cell); }
.outside { fill: none; stroke: var(--edge); stroke-dasharray: 2 3; }
.read { fill: hsl(var(--hue) 65% var(--lit)); }
.zero { stroke: hsl(var(--hue) 65% 50%); }
.within { stroke: var(--ink); stroke-width: 1.5; }
.excluded { fill: url(#hatch); stroke: var(--edge); }
.unread { fill: none; stroke: var(--edge); }
.chosen { stroke: var(--ink); stroke-width: 2.5; }
.hatch { stroke: var(--edge); }
.legend { font-size: 12px; }
"""
"""The look of a file; a page has one of its own."""
HATCH = (
    '<defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<path class="hatch" d="M1 0V5"/></pattern></defs>'
)
"""What fills the squares that a bracket leaves out; a page has it once."""
MEANINGS = {
    "zero": Message("Outlined in colour: what it is multiplied by is 0."),
    "within": Message("Outlined: a sum within the formula reads it."),
    "excluded": Message("Hatched: a bracket leaves it out; in the result, nothing adds to it."),
    "outside": Message("Dashed: outside of the tensor, it reads 0."),
    "unread": Message("Empty: no element of the result reads it."),
}
"""What the looks of squares say, by their classes."""


Marks = Mapping[tuple[str, Place], tuple[str, int]]
"""The classes and the hues of elements."""


def svg(drawn: Picture, at: Place, title: str = "") -> str:
    """The picture as a file, for one element of the result."""
    return _svg(drawn, at, title, [f"<style>{STYLE}</style>", HATCH], ENGLISH, meanings(drawn, [at]))


Link = tuple[str, int, list[int]]
"""A class, a hue, and the squares that have both, by their places among those of what is read."""


def svg_on_page(drawn: Picture, title: str, language: str) -> tuple[str, dict[str, list[Link]]]:
    """The picture without a look, and what every element of the result marks."""
    squares = [(panel.tensor, place) for panel in drawn.read for row in panel.rows for place in row]
    links = {cell(drawn.step.left.tensor, at): _links(marked(drawn, at), squares) for at in drawn.summands}
    return _svg(drawn, drawn.middle, title, [], language), links


def _links(marks: Marks, squares: Sequence[tuple[str, Place]]) -> list[Link]:
    found: dict[tuple[str, int], list[int]] = {}
    for number, square in enumerate(squares):
        if square in marks:
            found.setdefault(marks[square], []).append(number)
    return [(kind, hue, numbers) for (kind, hue), numbers in found.items()]


def meanings(drawn: Picture, places: Iterable[Place] | None = None) -> list[Message]:
    """What the looks of squares say that a picture has at these elements of the result; at any of them by default."""
    found = {kind for at in places or drawn.summands for kind, _ in marked(drawn, at).values()}
    panels = (*drawn.read, *drawn.result)
    found |= {kind for p in panels for row in p.rows for at in row for kind in _still(p, drawn, at)}
    return [meaning for kind, meaning in MEANINGS.items() if kind in found]


def _svg(
    drawn: Picture, at: Place, title: str, style: Sequence[str], language: str, below: Sequence[Message] = ()
) -> str:
    marks = marked(drawn, at)
    shapes, width, height = _laid(drawn, marks, at)
    for line in (in_words((meaning,), language) for meaning in below):
        height += LINE
        width = max(width, round(7.2 * len(line)) + 2 * EDGE)
        shapes.append(f'<text class="legend" x="{EDGE}" y="{height - EDGE}">{escape(line)}</text>')
    t = TextTypesetter(drawn.step.notation)
    place = ", ".join(f"{letter}={i}" for letter, i in zip(drawn.letters, at, strict=True))
    reads = say(
        "{title}: what {element} reads at {place}",
        title=title or left(drawn.step, t),
        element=t.expr(drawn.step.left),
        place=place,
    )
    label = escape(in_words(reads, language))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{label}">'
    )
    return "\n".join([head, f"<title>{label}</title>", *style, *shapes, "</svg>"]) + "\n"


def marked(drawn: Picture, at: Place) -> Marks:
    """The classes and the hue of every element that an element of the result is made of."""
    summands = drawn.summands[at]
    found: dict[tuple[str, Place], tuple[str, int]] = {}
    for k, summand in enumerate(summands):
        hue = 360 * k // len(summands) if len(summands) <= MOST_HUES else 210
        for read in summand.reads:
            kind = "zero" if summand.zero and read.inside else "read"
            found.setdefault((read.tensor, read.at), (kind, hue))
    within = ((read, "within") for summand in summands for read in summand.within)
    for read, kind in (*within, *((read, "excluded") for read in drawn.left_out[at])):
        found.setdefault((read.tensor, read.at), (kind, 0))
    return found


def _laid(drawn: Picture, marks: Marks, at: Place) -> tuple[list[str], int, int]:
    """The shapes from left to right, in several lines where there are many, and how large all of it is."""
    shapes: list[str] = []
    x = y = EDGE
    deepest = widest = 0
    for panel in (*drawn.read, *drawn.result):
        wide, high = (n * (CELL + GAP) - GAP for n in (len(panel.rows[0]), len(panel.rows)))
        wide = max(wide, 9 * len(_name(panel, drawn)))
        if x > EDGE and x + wide > WIDEST:
            x, y, deepest = EDGE, y + deepest + APART, 0
        shapes += _panel(panel, drawn, marks, at, x, y)
        deepest, widest = max(deepest, high + ABOVE), max(widest, x + wide)
        x += wide + APART
    return shapes, widest + EDGE, y + deepest + EDGE


def _panel(panel: Panel, drawn: Picture, marks: Marks, at: Place, x: int, y: int) -> Iterator[str]:
    yield f'<text x="{x}" y="{y + 14}">{escape(_name(panel, drawn))}</text>'
    result = panel in drawn.result
    for row, places in enumerate(panel.rows):
        for column, place in enumerate(places):
            kind, hue = marks.get((panel.tensor, place), ("", 0)) if not result else ("", 0)
            words = ["cell", *_still(panel, drawn, place), *([kind] if kind else [])]
            words += ["chosen"] if result and place == at else []
            style = f' style="--hue:{hue}"' if kind in ("read", "zero") else ""
            data = f'data-{"result" if result else "read"}="{escape(cell(panel.tensor, place))}"'
            yield (
                f'<rect class="{" ".join(words)}"{style} {data} x="{x + column * (CELL + GAP)}" '
                f'y="{y + ABOVE + row * (CELL + GAP)}" width="{CELL}" height="{CELL}" rx="3"/>'
            )


def _still(panel: Panel, drawn: Picture, at: Place) -> list[str]:
    """The classes of a square that do not depend on which element is chosen."""
    if panel in drawn.result:
        return [] if drawn.is_made(at) else ["excluded"]
    if not panel.inside(at):
        return ["outside"]
    return [] if (panel.tensor, at) in drawn.reached else ["unread"]


def _name(panel: Panel, drawn: Picture) -> str:
    return TextTypesetter(drawn.step.notation).expr(panel.sheet.left)
