"""A derivation, the code that is made of it, and what shows both, as one HTML file."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from gradscribe.codegen.python.text.render import PAGE_MARK, render, templates
from gradscribe.codegen.target import TARGETS
from gradscribe.codegen.tool.html import katex
from gradscribe.codegen.tool.html.code_listing import Listing, listing
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.update import Optimiser
from gradscribe.derive.typeset.document.arrange import document
from gradscribe.derive.typeset.writers.html.html_writer import page as written
from gradscribe.derive.typeset.writers.html.numbers_writer import NumbersOnPage, numbers_on_page

TEMPLATE, STYLE, SCRIPT = "page/page.html.jinja", "page/page.css", "page/page.js"
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; font-src data:; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
"""What a browser is told that the page may do: no request leaves the machine."""


@dataclass(frozen=True)
class PageContext:
    """All fields of the template."""

    mark: str
    language: str
    policy: str
    title: str
    katex_style: str
    katex_script: str
    style: str
    script: str
    body: str
    forms: bool
    numbers: NumbersOnPage | None
    listings: Sequence[Listing]


def html_page(derivation: Derivation, listings: Sequence[Listing] = ()) -> str:
    """The file.

    Args:
        derivation: what is shown.
        listings: the code beside it.
    """
    whole = document(derivation, certify(derivation) if derivation.sections else None)
    context = PageContext(
        mark=f"{PAGE_MARK} the equations of {derivation.name}, template {TEMPLATE}. -->",
        language="en",
        policy=POLICY,
        title=escape(derivation.heading),
        katex_style=katex.style(),
        katex_script=katex.script(),
        style=_text(STYLE),
        script=_text(SCRIPT),
        body=written(whole),
        forms=any(r.form is not None for s in derivation.sections for r in s.results),
        numbers=numbers_on_page(derivation),
        listings=listings,
    )
    return render(TEMPLATE, context)


def page_of(item: Layer | Optimiser) -> str:
    """The page of a layer, a network or an optimiser, beside it its code."""
    layer = item.layer if isinstance(item, Optimiser) else item
    return html_page(derive(layer), [listing(item, row.name, row.title) for row in TARGETS.values()])


def _text(name: str) -> str:
    return (templates() / name).read_text(encoding="utf-8").rstrip("\n")
