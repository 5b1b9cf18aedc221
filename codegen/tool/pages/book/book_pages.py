"""Chapters of the book, or what is asked for of them -> one LaTeX document."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gradscribe.codegen.tool.finding.topics import WINOGRAD, fast_page, topic_page
from gradscribe.derive.catalogue.pages import PAGES
from gradscribe.derive.catalogue.pages.book import TITLE, Chapter, chapters
from gradscribe.derive.catalogue.pages.chapter import CHAPTER, TOPICS, Fast, Topic
from gradscribe.said import ENGLISH, Message

if TYPE_CHECKING:  # SymPy takes its time
    from gradscribe.derive.typeset.document.arrange import Page

OWN = Message("Equations of your own")
WHOLE = {CHAPTER: 0, WINOGRAD: -1}
"""Chapters that are asked for as a whole, by their places."""


def chosen(names: Sequence[str]) -> tuple[Chapter, ...]:
    """The chapters of the book; with names only what these are, those of no chapter in one at the end."""
    every = chapters()
    if not names:
        return every
    whole = [every[WHOLE[name]] for name in names if name in WHOLE]
    found = [chapter if chapter in whole else _of(chapter, names) for chapter in every]
    known = {*WHOLE, *(topic.name for chapter in found for topic in chapter.topics if isinstance(topic, Topic))}
    own = Chapter(OWN, tuple(Topic(name) for name in dict.fromkeys(names) if name not in known))
    return tuple(chapter for chapter in (*found, own) if chapter.topics)


def _of(chapter: Chapter, names: Sequence[str]) -> Chapter:
    """What is asked for of a chapter by name: of the first one its pages that are no layer's."""
    asked = {*names} & {*PAGES} if chapter.topics == TOPICS else {*names}
    return replace(chapter, topics=tuple(t for t in chapter.topics if isinstance(t, Topic) and t.name in asked))


def book(
    contents: Sequence[Chapter], letters: str, form: str, at: Callable[[str], None], language: str = ENGLISH
) -> str:
    """The document as LaTeX.

    Args:
        contents: the chapters.
        letters: what names are written with, see `derive.layer.letters`; "" for those of each page.
        form: one of `derive.derivation.forms.caption.page_form.FORMS`.
        at: is told what is being worked out.
        language: one of `gradscribe.said.languages`.

    Raises:
        EquationError: for a mistake in a text, in letters or in the form, and for an unknown language.
        UnknownLayerError: when there is no such layer.
    """
    from gradscribe.codegen.python.text.render import TEX_MARK
    from gradscribe.derive.typeset.book.bound import Chapter as Bound
    from gradscribe.derive.typeset.book.bound import bound
    from gradscribe.derive.typeset.writers.latex.latex_writer import page as latex

    most, done = sum(len(chapter.topics) for chapter in contents), 0
    found: list[Bound] = []
    for chapter in contents:
        pages: list[Page] = []
        for topic in chapter.topics:
            done += 1
            at(f"page {done} of {most}, {chapter.title}")
            pages.append(_page(topic, letters, form, language))
        found.append(Bound(chapter.title, tuple(pages)))
    at("writing LaTeX")
    return f"{TEX_MARK} its catalogue of equations.\n{latex(bound(TITLE, found, language))}"


def _page(topic: Topic | Fast, letters: str, form: str, language: str) -> "Page":
    if isinstance(topic, Fast):
        return fast_page(topic, language)
    return topic_page(topic, letters, language, form)
