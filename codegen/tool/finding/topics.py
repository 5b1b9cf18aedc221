"""Pages that are no single layer's, by name: those of the chapter, of an operation, of a fast correlation."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gradscribe.codegen.tool.finding.find import equations_of
from gradscribe.derive.catalogue.pages import PAGES
from gradscribe.derive.catalogue.pages.chapter import CHAPTER, LISTED, TOPICS, Fast, Topic
from gradscribe.derive.ir.error import EquationError
from gradscribe.said import ENGLISH, Message

if TYPE_CHECKING:  # SymPy takes its time
    from gradscribe.derive.derivation import Derivation
    from gradscribe.derive.typeset.document.arrange import Page

WINOGRAD = "winograd"
OTHERS = {
    **{page.name: page.title for page in PAGES.values()},
    WINOGRAD: Message("the fast correlation F(m, r)"),
    CHAPTER: LISTED,
}
"""What has a page besides layers, networks and optimisers."""
MOST_POINTS = 16
"""Of a fast correlation; with more, along two axes, the error in float32 is as great as the result."""


def fast(m: int | None, r: int | None, points: str | None, dims: int | None) -> Fast:
    """What options say of a fast correlation.

    Raises:
        EquationError: when m or r is missing.
    """
    if m is None or r is None:
        raise EquationError(f"{WINOGRAD}: --{'m' if m is None else 'r'} is missing; expected such as --m 4 --r 3")
    return Fast(m, r, points, 2 if dims is None else dims)


def topics(names: Sequence[str]) -> list[Topic]:
    """The pages that are asked for, those of the chapter among them."""
    return [topic for name in names for topic in (TOPICS if name == CHAPTER else (Topic(name),))]


def topic_page(topic: Topic, letters: str = "", language: str = ENGLISH, form: str = "index") -> "Page":
    """The page of a topic, closed by the figures of its numerical certificate.

    Args:
        topic: what is derived.
        letters: what names are written with, see `derive.layer.letters`; "" for those of the page.
        language: one of `gradscribe.said.languages`.
        form: of a layer, one of `derive.derivation.forms.caption.page_form.FORMS`.

    Raises:
        EquationError: when a letter is unknown to a page, and for an unknown language.
        UnknownLayerError: when there is no such layer or page.
    """
    from gradscribe.derive.derivation.certificate.certify import certify
    from gradscribe.derive.derivation.record.translation import in_language

    page = in_language(_derived(topic, letters, form), language)
    return page, certify(page) if page.sections else None


def _derived(topic: Topic, letters: str, form: str) -> "Derivation":
    """The page in letters that it may choose."""
    from gradscribe.derive.derivation import derive
    from gradscribe.derive.derivation.letters.written import in_letters
    from gradscribe.derive.layer.letters import read_letters

    if topic.name in PAGES:
        page = in_letters(PAGES[topic.name](), read_letters(letters, f"{topic.name}: letters"))
    else:
        page = derive(equations_of(topic.name), topic.wrt or None, topic.settings, letters=letters, form=form)
    return replace(page, name=topic.title) if topic.title else page


def fast_page(asked: Fast, language: str = ENGLISH) -> "Page":
    """The derivation of a fast correlation, closed by what its algorithm was found to be.

    Raises:
        EquationError: when a number is out of range, the points do not fit, or the language is unknown.
    """
    from gradscribe.derive.catalogue.winograd import cook_toom, parse_points
    from gradscribe.derive.catalogue.winograd.closing import close
    from gradscribe.derive.catalogue.winograd.fast_correlation import derive_winograd
    from gradscribe.derive.derivation.record.translation import in_language

    if asked.m + asked.r - 1 > MOST_POINTS:
        raise EquationError(
            f"F({asked.m}, {asked.r}): expected m + r - 1 of at most {MOST_POINTS}, received {asked.m + asked.r - 1}"
        )
    algorithm = cook_toom(asked.m, asked.r, None if asked.points is None else parse_points(asked.points))
    derivation = in_language(derive_winograd(algorithm, asked.dims), language)
    return derivation, close(derivation, algorithm, asked.dims)
