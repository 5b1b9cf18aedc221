"""Chapters of derivations -> one Document: numbered sections, an index of symbols, the literature."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from gradscribe.derive.derivation.letters.notation import Notation
from gradscribe.derive.derivation.record.sentence import Place, Reference, Words, joined
from gradscribe.derive.typeset.book.literature import citations, works
from gradscribe.derive.typeset.book.symbols import index
from gradscribe.derive.typeset.document.arrange import Page, document, lowered
from gradscribe.derive.typeset.document.document import (
    Block,
    Contents,
    Document,
    Heading,
    Listing,
    Paragraph,
    Part,
    Source,
)
from gradscribe.said import ENGLISH, say

SYMBOLS, LITERATURE = Heading("chapter", 2, say("Index of symbols"), "A"), Heading("chapter", 2, say("Literature"), "B")
ABOUT: tuple[Words, ...] = (
    say("Every layer is its forward equation; all that follows from it is derived by gradscribe, row by row."),
    say("Rows are numbered anew in every section: the numbers are those of gradscribe derive NAME."),
    say("A number in brackets is that of a work in the list at the end."),
)
"""What a reader is told first."""
ABOUT_SYMBOLS: tuple[Words, ...] = (
    say("What a letter means, and the sections in which it does."),
    say("Indices with a prime are those of the element that is differentiated by."),
)


@dataclass(frozen=True)
class Chapter:
    """A chapter: its title, and its pages, each with what closes it."""

    title: str
    pages: tuple[Page, ...]


@dataclass(frozen=True)
class _Section:
    """A page, and the number of its section, such as 2.3."""

    number: str
    page: Page


def bound(title: str, chapters: Sequence[Chapter], language: str = ENGLISH) -> Document:
    """The chapters as one document; every page counts its rows from 1 on, as it does alone.

    Args:
        title: that of the book.
        chapters: in the order of the book.
        language: that of the pages.
    """
    sections = [
        [_Section(f"{c}.{s}", page) for s, page in enumerate(chapter.pages, start=1)]
        for c, chapter in enumerate(chapters, start=1)
    ]
    every = [section for own in sections for section in own]
    known = works([section.page[0].source for section in every])
    parts: list[Part] = []
    for number, (chapter, own) in enumerate(zip(chapters, sections, strict=True), start=1):
        parts.append(_alone(Heading("chapter", 2, (chapter.title,), str(number))))
        parts += (_cited(part, section, known) for section in own for part in _parts(section))
    parts += [*_symbols(every), *_literature(every, known)]
    headings = [b for part in parts for b in part.blocks if isinstance(b, Heading) and b.kind in ("chapter", "title")]
    front = ((Heading("book", 1, (title,)), Paragraph(ABOUT)), (Contents(tuple(headings)),))
    return Document((Part(Notation(), front), *parts), language=language)


def _alone(*blocks: Block) -> Part:
    return Part(Notation(), (blocks,))


def _parts(section: _Section) -> Iterator[Part]:
    """A page two levels below the title of the book."""
    return (lowered(part, section.number, 2) for part in document(*section.page).parts)


def _cited(part: Part, section: _Section, known: dict[str, int]) -> Part:
    """With the numbers of the list in place of the works."""
    cited = (("[", Reference(str(known[c.work])), f"]{c.place}") for c in citations(section.page[0].source))
    source = Source(say("Source: {source}.", source=_listed(cited, "; ")))
    passages = (tuple(source if isinstance(b, Source) else b for b in passage) for passage in part.passages)
    return replace(part, passages=tuple(passages))


def _symbols(sections: Sequence[_Section]) -> Iterator[Part]:
    """Letters, what they mean, and where."""
    notation, entries = index([(section.number, section.page[0]) for section in sections])
    order = {section.number: place for place, section in enumerate(sections)}
    rows = tuple(((e.letter,), e.meaning, _runs(e.places, order)) for e in entries)
    head: tuple[Words, ...] = (say("letter"), say("meaning"), say("sections"))
    blocks = (SYMBOLS, Paragraph(ABOUT_SYMBOLS), Listing(head, rows))
    yield Part(notation, (blocks,))


def _runs(places: Sequence[str], order: dict[str, int]) -> Words:
    """Sections as runs: 2.1 to 2.4, 3.1."""
    runs = [
        [Reference(number) for _, number in run]
        for _, run in groupby(enumerate(places), key=lambda found: order[found[1]] - found[0])
    ]
    return _listed(
        say("{first} to {last}", first=run[0], last=run[-1]) if len(run) > 2 else joined(run) for run in runs
    )


def _listed(parts: Iterable[Words], between: str = ", ") -> Words:
    """Words between commas."""
    return tuple(word for n, part in enumerate(parts) for word in ((between,) if n else ()) + tuple(part))


def _literature(sections: Sequence[_Section], known: dict[str, int]) -> Iterator[Part]:
    """Every work, and the sections that follow it."""
    order = {section.number: place for place, section in enumerate(sections)}
    cited: dict[str, list[str]] = {work: [] for work in known}
    for section in sections:
        for work in dict.fromkeys(c.work for c in citations(section.page[0].source)):
            cited[work].append(section.number)
    rows = tuple((("[", Place(str(known[work])), "]"), (work,), _runs(where, order)) for work, where in cited.items())
    head: tuple[Words, ...] = (("",), say("work"), say("sections"))
    if rows:
        yield _alone(LITERATURE, Listing(head, rows))
