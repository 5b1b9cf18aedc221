"""The pictures of a page as HTML: drawings whose results point at what they are made of."""

from dataclasses import dataclass

from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.typeset.mathematics.latex_symbols import LatexTypesetter, joined
from gradscribe.derive.typeset.picture.picture import pictures
from gradscribe.derive.typeset.picture.svg import svg_on_page
from gradscribe.derive.typeset.terms.sides import left
from gradscribe.derive.typeset.writers.html.html_writer import LINE_MAY_END, data, display


@dataclass(frozen=True)
class PicturesOnPage:
    """Drawings as elements of HTML, and JSON that says for each what every element of its result marks."""

    lines: tuple[str, ...]
    links: str


def pictures_on_page(page: Derivation) -> PicturesOnPage | None:
    """The pictures of a page's equations, those that can be drawn; None where there is none."""
    lines: list[str] = []
    links = []
    for drawn in pictures(page):
        t = LatexTypesetter(drawn.step.notation)
        text, marks = svg_on_page(drawn, page.name, page.language)
        caption = display(f"{left(drawn.step, t)} = {joined(t.row(drawn.step), may_end=LINE_MAY_END)}")
        lines += [f'<figure class="drawn"><figcaption>{caption}</figcaption>', text.rstrip("\n"), "</figure>"]
        links.append(marks)
    return PicturesOnPage(tuple(lines), data(links)) if lines else None
