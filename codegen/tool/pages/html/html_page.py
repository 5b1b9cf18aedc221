"""A derivation, the code that is made of it, and what shows both, as one HTML file."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from sympy import Symbol

from gradscribe.codegen.python.text.render import PAGE_MARK, render, templates
from gradscribe.codegen.target import TARGETS
from gradscribe.codegen.tool.pages.html import katex
from gradscribe.codegen.tool.pages.html.code_listing import Listing, listing
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.layer.interface import Kind, Layer
from gradscribe.derive.layer.update import Optimiser
from gradscribe.derive.typeset.document.arrange import document
from gradscribe.derive.typeset.writers.html.html_writer import page as written
from gradscribe.derive.typeset.writers.html.numbers_writer import NumbersOnPage, numbers_on_page
from gradscribe.derive.typeset.writers.html.pictures_writer import PicturesOnPage, pictures_on_page

TEMPLATE, STYLE, SCRIPT = "page/page.html.jinja", "page/page.css", "page/page.js"
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; font-src data:; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
"""What a browser is told that the page may do: no request leaves the machine."""

SEEN = {"stride": "2", "padding": "1"}
"""Settings that pictures have, so that windows leave something out and leave their image.

Windows that tile an image, as those of poolings do where nobody says otherwise, overlap instead, and remain within it.
"""


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
    pictures: PicturesOnPage | None
    listings: Sequence[Listing]


def html_page(derivation: Derivation, listings: Sequence[Listing] = (), drawn: Derivation | None = None) -> str:
    """The file.

    Args:
        derivation: what is shown.
        listings: the code beside it.
        drawn: the same with settings of which there is more to see.
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
        pictures=pictures_on_page(drawn or derivation),
        listings=listings,
    )
    return render(TEMPLATE, context)


def page_of(item: Layer | Optimiser) -> str:
    """The page of a layer, a network or an optimiser, beside it its code."""
    layer = item.layer if isinstance(item, Optimiser) else item
    listings = [listing(item, row.name, row.title) for row in TARGETS.values()]
    return html_page(derive(layer), listings, _drawn(layer))


def _drawn(layer: Layer) -> Derivation | None:
    """The derivation with settings of which there is more to see: windows as in `SEEN`, and brackets that hold."""
    tiles = any(option.name == "stride" and isinstance(option.default, str) for option in layer.options)
    chosen = {o.name: SEEN[o.name] for o in layer.options if o.name in SEEN and not (tiles and o.name == "padding")}
    chosen |= {o.name: "true" for o in layer.options if o.kind is Kind.FLAG and {*o.symbols} & _in_brackets(layer)}
    try:
        return derive(layer, settings=chosen) if chosen else None
    except EquationError:
        return None


def _in_brackets(layer: Layer) -> set[Symbol]:
    """The symbols that brackets have, so that they say which elements count."""
    guards = (guard for statement in layer.program.statements for guard in statement.term.guards)
    return {symbol for guard in guards for symbol in (guard.value.free_symbols | guard.extent.free_symbols)}


def _text(name: str) -> str:
    return (templates() / name).read_text(encoding="utf-8").rstrip("\n")
