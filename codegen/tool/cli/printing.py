"""Derivations in the format asked for, closed by the figures of their numerical certificate."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gradscribe.codegen.tool.finding.topics import fast_page, topic_page
from gradscribe.derive.catalogue.pages.chapter import Fast, Topic
from gradscribe.derive.typeset.document.look import PLAIN, Look
from gradscribe.said import ENGLISH

if TYPE_CHECKING:  # SymPy takes its time
    from gradscribe.derive.derivation import Derivation


def printed(derivation: "Derivation", format_: str, look: Look = PLAIN) -> str:
    """A derivation in one of `derive.typeset.formats`, closed by its certificate; `look` is what a reader chose."""
    from gradscribe.derive.derivation.certificate.certify import certify
    from gradscribe.derive.typeset.formats import rendered

    return rendered(derivation, format_, certify(derivation) if derivation.sections else None, look)


def printed_pages(
    title: str,
    topics: Sequence[Topic],
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
    from gradscribe.derive.typeset.formats import rendered, rendered_chapter

    pages = [topic_page(topic, letters, language) for topic in topics]
    if len(pages) == 1:
        ((page, footer),) = pages
        return rendered(page, form, footer, look)
    return rendered_chapter(title, pages, form, look)


def printed_winograd(asked: Fast, form: str, look: Look = PLAIN, language: str = ENGLISH) -> str:
    """The derivation of a fast correlation in one of `derive.typeset.formats`.

    Raises:
        EquationError: when a number is out of range, the points do not fit, or the language is unknown.
    """
    from gradscribe.derive.typeset.formats import rendered

    page, footer = fast_page(asked, language)
    return rendered(page, form, footer, look)
