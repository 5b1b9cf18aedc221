"""A derivation, the code that is made of it, and what shows both, as one HTML file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape

from sympy import Symbol

from gradscribe.codegen.python.text.render import PAGE_MARK, render
from gradscribe.codegen.target import TARGETS
from gradscribe.codegen.tool.pages.html.around_page import Surroundings, alone, translated
from gradscribe.codegen.tool.pages.html.code_listing import Listing, listing, torch_listing
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.certificate import certificate_of
from gradscribe.derive.derivation.forms.caption.page_form import with_matrices
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.derivation.record.sentence import Words
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.layer.interface import Kind, Layer
from gradscribe.derive.layer.update import Optimiser
from gradscribe.derive.typeset.document.arrange import Page, chapter, document
from gradscribe.derive.typeset.document.document import Box, Document
from gradscribe.derive.typeset.writers.html.html_writer import data
from gradscribe.derive.typeset.writers.html.html_writer import page as written
from gradscribe.derive.typeset.writers.html.numbers_writer import NumbersOnPage, numbers_on_page
from gradscribe.derive.typeset.writers.html.pictures_writer import PicturesOnPage, pictures_on_page
from gradscribe.said import ENGLISH, Message, in_words

TEMPLATE, SHOWN = "page/page.html.jinja", "page/shown.html.jinja"

OF_THE_SCRIPT = {
    "copied": Message("Copied"),
    "refused": Message("The browser does not let this page copy"),
    "copy": Message("Copy the formula as LaTeX"),
    "all": Message("all {steps} steps"),
    "step": Message("{number} of {steps}: {reason}"),
    "result": Message("result"),
    "made": Message("made of {number} elements"),
    "nothing": Message("nothing reaches it: 0"),
}
"""What the script says, by what it calls these words; it puts numbers in the places."""

BESIDE, FOLLOWING = Message("Code and numbers"), Message("Numbers, pictures and code follow.")

SEEN = {"stride": "2", "padding": "1"}
"""Settings that pictures have, so that windows leave something out and leave their image.

Windows that tile an image, as those of poolings do where nobody says otherwise, overlap instead, and remain within it.
"""


@dataclass(frozen=True)
class Shown:
    """What a page shows of a derivation: all fields of its template.

    Attributes:
        title: what it is about.
        body: the derivation.
        language: that it is written in.
        say: words of the template in this language.
        words: those of the script, as JSON.
        operators: whether there are operator forms.
        matrices: whether there are matrix forms.
        numbers: the small case.
        pictures: what is drawn.
        listings: the code.
    """

    title: str
    body: str
    language: str
    say: Callable[[str], str]
    words: str
    operators: bool
    matrices: bool
    numbers: NumbersOnPage | None
    pictures: PicturesOnPage | None
    listings: Sequence[Listing]

    @property
    def html(self) -> str:
        """As elements of HTML."""
        return render(SHOWN, self).rstrip("\n")


@dataclass(frozen=True)
class PageContext:
    """All fields of the template."""

    mark: str
    language: str
    title: str
    around: Surroundings
    shown: str
    say: Callable[[str], str]


def shown_of(item: Layer | Optimiser, language: str = ENGLISH) -> Shown:
    """What there is to see of a layer, a network or an optimiser; beside it its code.

    Raises:
        EquationError: for an unknown language.
    """
    layer = item.layer if isinstance(item, Optimiser) else item
    derivation = with_matrices(derive(layer, language=language))
    listings = [
        *(listing(item, row.name, row.title, language) for row in TARGETS.values()),
        torch_listing(item, language),
    ]
    beside = numbers_on_page(derivation), pictures_on_page(_drawn(layer, language) or derivation)
    return _shown(derivation.heading, document(derivation, certificate_of(derivation)), *beside, listings)


def shown_first(item: Layer | Optimiser, language: str = ENGLISH) -> Shown:
    """The derivation alone, with the place where numbers, pictures and code come: what a reader waits for first.

    Raises:
        EquationError: for an unknown language.
    """
    layer = item.layer if isinstance(item, Optimiser) else item
    derivation = with_matrices(derive(layer, language=language))
    title, reason = (translated(language, words) for words in (BESIDE, FOLLOWING))
    whole = document(derivation, certificate_of(derivation))
    return _shown(derivation.heading, whole, listings=[Listing(title, (), reason)])


def shown_pages(title: str, pages: Sequence[Page]) -> Shown:
    """What there is to see of pages that are no single layer's: one alone, or several with a table of contents."""
    if len(pages) > 1:
        return _shown((title,), chapter(title, pages))
    ((derivation, footer),) = pages
    return _shown(derivation.heading, document(derivation, footer))


def _shown(
    title: Words,
    whole: Document,
    numbers: NumbersOnPage | None = None,
    pictures: PicturesOnPage | None = None,
    listings: Sequence[Listing] = (),
) -> Shown:
    boxes = [block for block in whole.blocks if isinstance(block, Box)]
    return Shown(
        title=escape(in_words(title, whole.language)),
        body=written(whole),
        language=whole.language,
        say=partial(translated, whole.language),
        words=data({name: in_words(message, whole.language) for name, message in OF_THE_SCRIPT.items()}),
        operators=any(box.form is not None for box in boxes),
        matrices=any(box.matrices is not None for box in boxes),
        numbers=numbers,
        pictures=pictures,
        listings=listings,
    )


def html_page(name: str, what: Shown, around: Surroundings | None = None) -> str:
    """The file, made of the equations of that name; one that needs no other if nothing is said of what is around."""
    context = PageContext(
        mark=f"{PAGE_MARK} the equations of {name}, template {TEMPLATE}. -->",
        language=what.language,
        title=what.title,
        around=around or alone(),
        shown=what.html,
        say=what.say,
    )
    return render(TEMPLATE, context)


def page_of(item: Layer | Optimiser, language: str = ENGLISH) -> str:
    """The page of a layer, a network or an optimiser in a language, beside it its code.

    Raises:
        EquationError: for an unknown language.
    """
    return html_page(item.name, shown_of(item, language))


def _drawn(layer: Layer, language: str) -> Derivation | None:
    """The derivation with settings of which there is more to see: windows as in `SEEN`, and brackets that hold."""
    tiles = any(option.name == "stride" and isinstance(option.default, str) for option in layer.options)
    chosen = {o.name: SEEN[o.name] for o in layer.options if o.name in SEEN and not (tiles and o.name == "padding")}
    chosen |= {o.name: "true" for o in layer.options if o.kind is Kind.FLAG and {*o.symbols} & _in_brackets(layer)}
    try:
        return derive(layer, settings=chosen, language=language) if chosen else None
    except EquationError:
        return None


def _in_brackets(layer: Layer) -> set[Symbol]:
    """The symbols that brackets have, so that they say which elements count."""
    guards = (guard for statement in layer.program.statements for guard in statement.term.guards)
    return {symbol for guard in guards for symbol in (guard.value.free_symbols | guard.extent.free_symbols)}
