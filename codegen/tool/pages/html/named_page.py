"""Pages by what a reader calls them: of the catalogue, the chapter, a text, a file, a fast correlation."""

from gradscribe.codegen.tool.finding.find import find_any
from gradscribe.codegen.tool.finding.topics import fast_page, topic_page, topics
from gradscribe.codegen.tool.pages.html.html_page import Shown, shown_of, shown_pages
from gradscribe.derive.catalogue.pages import PAGES
from gradscribe.derive.catalogue.pages.chapter import CHAPTER, TITLE, Fast
from gradscribe.said import ENGLISH


def shown_named(asked: str | Fast, language: str = ENGLISH) -> tuple[str, Shown]:
    """The name under which a page is kept, and what there is to see on it.

    Args:
        asked: what `gradscribe derive` takes, or which fast correlation.
        language: one of `gradscribe.said.languages`.

    Raises:
        EquationError: when a text is not well formed, or cannot be derived, and for an unknown language.
        UnknownLayerError: when there is nothing of that name.
    """
    if isinstance(asked, Fast):
        return f"winograd_{asked.m}_{asked.r}", shown_pages("", [fast_page(asked, language)])
    if asked in (CHAPTER, *PAGES):
        return asked, shown_pages(TITLE, [topic_page(topic, language=language) for topic in topics([asked])])
    item = find_any(asked)
    return item.name, shown_of(item, language)
