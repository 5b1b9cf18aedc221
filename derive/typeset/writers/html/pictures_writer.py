"""The pictures of a page as HTML: drawings whose results point at what they are made of."""

import json
from dataclasses import dataclass

from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.typeset.mathematics.latex_symbols import LatexTypesetter, joined
from gradscribe.derive.typeset.picture.picture import equations, picture
from gradscribe.derive.typeset.picture.svg import svg_on_page
from gradscribe.derive.typeset.terms.sides import left
from gradscribe.derive.typeset.writers.html.html_writer import LINE_MAY_END, display


@dataclass(frozen=True)
class PicturesOnPage:
    """Drawings as elements of HTML, and JSON that says for each what every element of its result marks."""

    lines: tuple[str, ...]
    links: str


def pictures_on_page(page: Derivation) -> PicturesOnPage | None:
    """The pictures of a page's equations, those that can be drawn; None where there is none."""
    lines: list[str] = []
    links = []
    for name, step in equations(page).items():
        try:
            drawn = picture(page, name)
        except EquationError:
            continue
        t = LatexTypesetter(step.notation)
        text, marks = svg_on_page(drawn, page.name)
        caption = display(f"{left(step, t)} = {joined(t.row(step), may_end=LINE_MAY_END)}")
        lines += [f'<figure class="drawn"><figcaption>{caption}</figcaption>', text.rstrip("\n"), "</figure>"]
        links.append(marks)
    data = json.dumps(links, separators=(",", ":")).replace("<", "\\u003c")
    return PicturesOnPage(tuple(lines), data) if lines else None
