"""A picture as SVG: matrices of squares, those that an element is made of in the colours of its summands."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from gradscribe.derive.derivation.forms.example.sheets import Place, cell
from gradscribe.derive.typeset.picture.picture import Panel, Picture
from gradscribe.derive.typeset.terms.sides import left
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from gradscribe.said import ENGLISH, in_words, say

CELL, GAP, APART, ABOVE, EDGE = 26, 3, 34, 26, 12
"""Of a square, between two, between matrices, for the name above one, and around all, in pixels."""
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
.chosen { stroke: var(--ink); stroke-width: 2.5; }
"""
"""The look of a file; a page has one of its own."""


def svg(drawn: Picture, at: Place, title: str = "") -> str:
    """The picture as a file, for one element of the result."""
    return _svg(drawn, at, title, [f"<style>{STYLE}</style>"], ENGLISH)


def svg_on_page(
    drawn: Picture, title: str, language: str = ENGLISH
) -> tuple[str, dict[str, list[tuple[str, str, int]]]]:
    """The picture without a look, and for every element of the result what it marks: element, class and hue."""
    there = {(panel.tensor, place) for panel in drawn.read for row in panel.rows for place in row}
    links = {
        cell(drawn.step.left.tensor, at): [
            (cell(*read), kind, hue) for read, (kind, hue) in marked(drawn, at).items() if read in there
        ]
        for at in drawn.summands
    }
    return _svg(drawn, drawn.middle, title, [], language), links


def _svg(drawn: Picture, at: Place, title: str, style: Sequence[str], language: str) -> str:
    marks = marked(drawn, at)
    shapes, width, height = _laid(drawn, marks, at)
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


def marked(drawn: Picture, at: Place) -> dict[tuple[str, Place], tuple[str, int]]:
    """The classes and the hue of every element that an element of the result is made of."""
    summands = drawn.summands[at]
    found: dict[tuple[str, Place], tuple[str, int]] = {}
    for k, summand in enumerate(summands):
        hue = 360 * k // len(summands) if len(summands) <= MOST_HUES else 210
        for read in summand.reads:
            kind = "zero" if summand.zero and read.inside else "read"
            found.setdefault((read.tensor, read.at), (kind, hue))
    return found


def _laid(drawn: Picture, marks: Mapping[tuple[str, Place], tuple[str, int]], at: Place) -> tuple[list[str], int, int]:
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


def _panel(
    panel: Panel, drawn: Picture, marks: Mapping[tuple[str, Place], tuple[str, int]], at: Place, x: int, y: int
) -> Iterator[str]:
    yield f'<text x="{x}" y="{y + 14}">{escape(_name(panel, drawn))}</text>'
    result = panel in drawn.result
    for row, places in enumerate(panel.rows):
        for column, place in enumerate(places):
            kind, hue = marks.get((panel.tensor, place), ("", 0)) if not result else ("", 0)
            words = ["cell", *([] if panel.inside(place) else ["outside"]), *([kind] if kind else [])]
            words += ["chosen"] if result and place == at else []
            style = f' style="--hue:{hue}"' if kind else ""
            data = f'data-{"result" if result else "read"}="{escape(cell(panel.tensor, place))}"'
            yield (
                f'<rect class="{" ".join(words)}"{style} {data} x="{x + column * (CELL + GAP)}" '
                f'y="{y + ABOVE + row * (CELL + GAP)}" width="{CELL}" height="{CELL}" rx="3"/>'
            )


def _name(panel: Panel, drawn: Picture) -> str:
    return TextTypesetter(drawn.step.notation).expr(panel.sheet.left)
