"""Derivations in the format asked for, closed by the figures of their numerical certificate."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gradscribe.codegen.tool.pages.topic_page import closed, fast_page, topic_page
from gradscribe.derive.typeset.document.look import PLAIN, Look

if TYPE_CHECKING:  # SymPy takes its time
    from gradscribe.derive.catalogue.pages.chapter import Topic
    from gradscribe.derive.derivation import Derivation


def printed(derivation: "Derivation", format_: str, look: Look = PLAIN) -> str:
    """A derivation in one of `derive.typeset.formats`, closed by its certificate; `look` is what a reader chose."""
    from gradscribe.derive.typeset.formats import rendered

    page, footer = closed(derivation)
    return rendered(page, format_, footer, look)


def printed_pages(title: str, topics: "Sequence[Topic]", letters: str, form: str, look: Look = PLAIN) -> str:
    """Several derivations as one document, or the page of one topic.

    Args:
        title: that of the document.
        topics: what is derived.
        letters: what names are written with, see `derive.layer.letters`; "" for those of each page.
        form: one of `derive.typeset.formats`.
        look: what else is asked of the page.

    Raises:
        EquationError: when a letter is unknown to a page.
        UnknownLayerError: when there is no such layer or page.
    """
    from gradscribe.derive.typeset.formats import rendered_chapter

    pages = [topic_page(topic, letters) for topic in topics]
    if len(pages) == 1:
        return printed(pages[0], form, look)
    return rendered_chapter(title, [closed(page) for page in pages], form, look)


def printed_winograd(m: int, r: int, points: str | None, dims: int, form: str, look: Look = PLAIN) -> str:
    """The derivation of the fast correlation F(m, r), see `fast_page`, in one of `derive.typeset.formats`."""
    from gradscribe.derive.typeset.formats import rendered

    page, footer = fast_page(m, r, points, dims)
    return rendered(page, form, footer, look)
