"""The pictures of a page as HTML: drawings whose results point at what they are made of."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.typeset.mathematics.latex_symbols import LatexTypesetter, joined
from gradscribe.derive.typeset.picture.graph.graph import graph
from gradscribe.derive.typeset.picture.graph.graph_svg import graph_on_page
from gradscribe.derive.typeset.picture.picture import pictures
from gradscribe.derive.typeset.picture.svg import HATCH, meanings, svg_on_page
from gradscribe.derive.typeset.terms.sides import left
from gradscribe.derive.typeset.writers.html.html_writer import LEVEL, LINE_MAY_END, data, display
from gradscribe.said import Message, in_words

GRAPH = Message(
    "Values go down, each with its shape. Dashed: what comes back, with the error signal that it is made from. "
    "A box leads to the derivation of its layer, or of one that has the same."
)
POINT = Message(
    "Point at an element on the right, or move with the arrow keys: what it is made of has a colour for each summand."
)


@dataclass(frozen=True)
class PicturesOnPage:
    """Drawings as elements of HTML, and JSON that says for each what every element of its result marks."""

    lines: tuple[str, ...]
    links: str


def pictures_on_page(page: Derivation) -> PicturesOnPage | None:
    """The graph of a network, then the equations of a page that can be drawn; None where there is no picture."""
    lines = list(_graph(page))
    links = []
    found = pictures(page)
    if found:
        hatching = f'<svg class="hatching" width="0" height="0" aria-hidden="true">{HATCH}</svg>'
        lines += [f"<p>{_said(POINT, page)}</p>", hatching]
    for drawn in found:
        t = LatexTypesetter(drawn.step.notation, language=page.language)
        text, marks = svg_on_page(drawn, page.name, page.language)
        caption = display(f"{left(drawn.step, t)} = {joined(t.row(drawn.step), may_end=LINE_MAY_END)}")
        said = "".join(f"<p>{_said(meaning, page)}</p>" for meaning in meanings(drawn))
        lines += [f'<figure class="drawn"><figcaption>{caption}{said}</figcaption>', text.rstrip("\n"), "</figure>"]
        links.append(marks)
    return PicturesOnPage(tuple(lines), data(links)) if lines else None


def _graph(page: Derivation) -> Iterator[str]:
    drawn = graph(page)
    if drawn is not None:
        yield f'<figure class="graph"><figcaption>{_said(GRAPH, page)}</figcaption>'
        yield f"{graph_on_page(drawn, LEVEL, page.language).rstrip()}</figure>"


def _said(message: Message, page: Derivation) -> str:
    return escape(in_words((message,), page.language))
