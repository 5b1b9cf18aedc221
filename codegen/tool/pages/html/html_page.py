"""A derivation, the code that is made of it, and what shows both, as one HTML file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from gradscribe.codegen.python.text.render import PAGE_MARK, render, templates
from gradscribe.codegen.target import TARGETS
from gradscribe.codegen.tool.pages.html import katex
from gradscribe.codegen.tool.pages.html.code_listing import Listing, listing
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.update import Optimiser
from gradscribe.derive.typeset.document.arrange import document
from gradscribe.derive.typeset.writers.html.html_writer import data
from gradscribe.derive.typeset.writers.html.html_writer import page as written
from gradscribe.derive.typeset.writers.html.numbers_writer import NumbersOnPage, numbers_on_page
from gradscribe.derive.typeset.writers.html.pictures_writer import PicturesOnPage, pictures_on_page
from gradscribe.said import ENGLISH, Message, in_words

TEMPLATE, STYLE, SCRIPT = "page/page.html.jinja", "page/page.css", "page/page.js"
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; font-src data:; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
"""What a browser is told that the page may do: no request leaves the machine."""

OF_THE_SCRIPT = {
    "copied": Message("Copied"),
    "refused": Message("The browser does not let this page copy"),
    "copy": Message("Copy the formula as LaTeX"),
    "all": Message("all {steps} steps"),
    "step": Message("{number} of {steps}: {reason}"),
    "result": Message("result"),
    "made": Message("the sum of {number} elements"),
    "nothing": Message("nothing reaches it: 0"),
}
"""What the script says, by what it calls these words; it puts numbers in the places."""

SEEN = {"stride": "2", "padding": "1"}
"""Settings that pictures have."""


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
    say: Callable[[str], str]
    words: str


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
        language=derivation.language,
        policy=POLICY,
        title=escape(in_words(derivation.heading, derivation.language)),
        katex_style=katex.style(),
        katex_script=katex.script(),
        style=_text(STYLE),
        script=_text(SCRIPT),
        body=written(whole),
        forms=any(r.form is not None for s in derivation.sections for r in s.results),
        numbers=numbers_on_page(derivation),
        pictures=pictures_on_page(drawn or derivation),
        listings=listings,
        say=lambda message: escape(in_words((Message(message),), derivation.language)),
        words=data({name: in_words((message,), derivation.language) for name, message in OF_THE_SCRIPT.items()}),
    )
    return render(TEMPLATE, context)


def page_of(item: Layer | Optimiser, language: str = ENGLISH) -> str:
    """The page of a layer, a network or an optimiser in a language, beside it its code.

    Raises:
        EquationError: for an unknown language.
    """
    layer = item.layer if isinstance(item, Optimiser) else item
    page = derive(layer, language=language)
    listings = [listing(item, row.name, row.title, language) for row in TARGETS.values()]
    return html_page(page, listings, _drawn(layer, language))


def _drawn(layer: Layer, language: str) -> Derivation | None:
    """The derivation with windows that move by two and leave their image, where the layer has such settings."""
    chosen = {option.name: SEEN[option.name] for option in layer.options if option.name in SEEN}
    try:
        return derive(layer, settings=chosen, language=language) if chosen else None
    except EquationError:
        return None


def _text(name: str) -> str:
    return (templates() / name).read_text(encoding="utf-8").rstrip("\n")
