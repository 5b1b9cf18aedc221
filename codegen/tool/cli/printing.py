"""Derivations in the format asked for, closed by the figures of their numerical certificate."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gradscribe.codegen.tool.finding.find import equations_of
from gradscribe.derive.typeset.document.look import PLAIN, Look
from gradscribe.said import ENGLISH

if TYPE_CHECKING:  # SymPy takes its time
    from gradscribe.derive.catalogue.pages.chapter import Topic
    from gradscribe.derive.derivation import Derivation

MOST_POINTS = 16
"""Of a fast correlation; with more, along two axes, the error in float32 is as great as the result."""


def printed(derivation: "Derivation", format_: str, look: Look = PLAIN) -> str:
    """A derivation in one of `derive.typeset.formats`, closed by its certificate; `look` is what a reader chose."""
    from gradscribe.derive.derivation.certificate.certify import certify
    from gradscribe.derive.typeset.formats import rendered

    return rendered(derivation, format_, certify(derivation) if derivation.sections else None, look)


def printed_pages(
    title: str,
    topics: "Sequence[Topic]",
    letters: str,
    form: str,
    look: Look = PLAIN,
    language: str = ENGLISH,
) -> str:
    """Several derivations as one document, or the page of one topic.

    Args:
        title: that of the document.
        topics: what is derived.
        letters: what names are written with, see `derive.layer.letters`; "" for those of each page.
        form: one of `derive.typeset.formats`.
        look: what else is asked of the page.
        language: one of `gradscribe.said.languages`.

    Raises:
        EquationError: when a letter is unknown to a page, and for an unknown language.
        UnknownLayerError: when there is no such layer or page.
    """
    from gradscribe.derive.derivation.certificate.certify import certify
    from gradscribe.derive.derivation.record.translation import in_language
    from gradscribe.derive.typeset.formats import rendered_chapter

    pages = [in_language(_page(topic, letters), language) for topic in topics]
    if len(pages) == 1:
        return printed(pages[0], form, look)
    return rendered_chapter(title, [(page, certify(page) if page.sections else None) for page in pages], form, look)


def _page(topic: "Topic", letters: str) -> "Derivation":
    """The page of a topic in letters that it may choose."""
    from gradscribe.derive.catalogue.pages import PAGES
    from gradscribe.derive.derivation import derive
    from gradscribe.derive.derivation.letters.written import in_letters
    from gradscribe.derive.layer.letters import read_letters

    if topic.name in PAGES:
        page = in_letters(PAGES[topic.name](), read_letters(letters, f"{topic.name}: letters"))
    else:
        page = derive(equations_of(topic.name), topic.wrt or None, topic.settings, letters=letters)
    return replace(page, name=topic.title) if topic.title else page


def printed_winograd(
    m: int,
    r: int,
    points: str | None,
    dims: int,
    form: str,
    look: Look = PLAIN,
    language: str = ENGLISH,
) -> str:
    """The derivation of the fast correlation F(m, r).

    Args:
        m: outputs of a tile along an axis.
        r: taps of the kernel along an axis.
        points: such as "0, 1, -1, oo"; those of the least error if None.
        dims: axes it is nested along, 1 or 2.
        form: one of `derive.typeset.formats`.
        look: what else is asked of the page.
        language: one of `gradscribe.said.languages`.

    Raises:
        EquationError: when a number is out of range, the points do not fit, or the language is unknown.
    """
    from gradscribe.derive.catalogue.winograd import cook_toom, parse_points
    from gradscribe.derive.catalogue.winograd.closing import close
    from gradscribe.derive.catalogue.winograd.fast_correlation import derive_winograd
    from gradscribe.derive.derivation.record.translation import in_language
    from gradscribe.derive.ir.error import EquationError
    from gradscribe.derive.typeset.formats import rendered

    if m + r - 1 > MOST_POINTS:
        raise EquationError(f"F({m}, {r}): expected m + r - 1 of at most {MOST_POINTS}, received {m + r - 1}")
    algorithm = cook_toom(m, r, None if points is None else parse_points(points))
    derivation = in_language(derive_winograd(algorithm, dims), language)
    return rendered(derivation, form, close(derivation, algorithm, dims), look)
