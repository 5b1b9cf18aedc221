"""The book: numbers, index of symbols, literature; that it has the whole catalogue."""

import re
from itertools import chain

import pytest

from gradscribe.codegen.tool.finding.find import equations_of
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.catalogue.optimisers import OPTIMISERS
from gradscribe.derive.catalogue.pages.book import chapters
from gradscribe.derive.catalogue.pages.chapter import TOPICS, Topic
from gradscribe.derive.catalogue.pages.families import FAMILIES
from gradscribe.derive.derivation import derive
from gradscribe.derive.ir.term import accesses
from gradscribe.derive.typeset.book.bound import Chapter, bound
from gradscribe.derive.typeset.book.literature import Citation, citations, works
from gradscribe.derive.typeset.book.symbols import index
from gradscribe.derive.typeset.document.arrange import document
from gradscribe.derive.typeset.document.document import Contents, Document, Listing, Source
from gradscribe.derive.typeset.mathematics.latex_symbols import InlineTypesetter
from gradscribe.derive.typeset.writers.latex import latex_writer
from gradscribe.derive.typeset.writers.text import text_writer
from gradscribe.said import ENGLISH, in_words, spoken
from tests.cases.catalogue import derived
from tests.derive.typeset.test_chapter import numbers

CHAPTERS = {"Activations": ("tanh", "relu"), "Dense": ("dense",)}


def small() -> Document:
    return bound("A book", [Chapter(t, tuple((derived(n), None) for n in names)) for t, names in CHAPTERS.items()])


def rows(whole: Document, title: str) -> list[tuple[str, str, str]]:
    """The rows below a heading as text."""
    found = text_writer.page(whole).split("\n")
    start = max(k for k, line in enumerate(found) if line.strip().endswith(f"  {title}"))
    cells = [re.split(r"\s{2,}", line.strip()) for line in found[start + 2 :]]
    return [(a, b, c) for a, b, c in (row for row in cells if len(row) == 3)]


def test_every_layer_network_and_optimiser_has_one_page_behind_the_chapter() -> None:
    first, *others = chapters()
    assert first.topics == TOPICS
    names = [topic.name for chapter in others for topic in chapter.topics if isinstance(topic, Topic)]
    assert sorted(names) == sorted([*LAYERS, *NETWORKS, *OPTIMISERS])
    assert [c.title for c in others][: len(FAMILIES)] == list(FAMILIES)


def test_sections_have_numbers_and_their_rows_are_counted_from_1() -> None:
    whole = small()
    (contents,) = (block for block in whole.blocks if isinstance(block, Contents))
    titles = {n: in_words(derived(n).heading) for n in chain(*CHAPTERS.values())}
    assert [(h.number, in_words(h.words)) for h in contents.headings] == [
        ("1", "Activations"), ("1.1", titles["tanh"]), ("1.2", titles["relu"]), ("2", "Dense"),
        ("2.1", titles["dense"]), ("A", "Index of symbols"), ("B", "Literature"),
    ]  # fmt: skip
    alone = [numbers(document(derived(n))) for n in chain(*CHAPTERS.values())]
    assert numbers(whole) == list(chain(*alone))


def test_the_index_says_what_letters_mean_and_where() -> None:
    found = rows(small(), "Index of symbols")
    assert ("w", "weight", "2.1") in found
    assert ("b", "bias", "2.1") in found
    assert ("y", "result", "1.1, 1.2") in found
    assert ("η", "learning rate", "2.1") in found
    assert ("c", "index, c<C", "2.1") in found
    assert ("E", "the scalar that is differentiated", "1.1 to 2.1") in found
    assert ("C", "features", "2.1") in found
    letters = [letter.lower() for letter, *_ in found[1:] if letter.isalpha() and letter.isascii()]
    assert letters == sorted(letters)


@pytest.mark.parametrize("name", ["conv2d", "batch_norm", "lenet", "sgd", "lstm_cell"])
def test_every_letter_of_the_equations_is_in_the_index(name: str) -> None:
    page = derive(equations_of(name))
    notation, entries = index([("1.1", page)])
    printed = {InlineTypesetter(notation).expr(entry.letter) for entry in entries}
    own = InlineTypesetter(page.notation)
    for definition in page.equations:
        for term in definition.terms:
            read = {own.letter(a.tensor) for a in accesses(term.body)}
            sizes = {own.expr(v) for v in term.body.free_symbols}
            bare = {letter.partition("_{")[0] for letter in sizes}  # of a network without its levels
            assert read | {own.letter(definition.left.tensor)} <= printed
            assert (bare if page.table is not None else sizes) <= printed


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", ()),
        ("Elman, Finding structure in time, 1990", (Citation("Elman, Finding structure in time, 1990"),)),
        ("A, B, 1990, eq. 1; C, D, 2001", (Citation("A, B, 1990", ", eq. 1"), Citation("C, D, 2001"))),
        ("A, B, 1990, figure 2; eq. 7", (Citation("A, B, 1990", ", figure 2; eq. 7"),)),
        ("A, B, 2020 (the modes)", (Citation("A, B, 2020", " (the modes)"),)),
        ("my own notes", (Citation("my own notes"),)),
    ],
)
def test_sources_are_read(source: str, expected: tuple[Citation, ...]) -> None:
    assert citations(source) == expected


def test_every_source_of_the_catalogue_names_works_with_years_none_under_two_titles() -> None:
    sources = [equations_of(name).source for name in (*LAYERS, *NETWORKS, *OPTIMISERS)]
    found = works(sources)
    assert list(found) == sorted(found)
    assert not [work for work in found if not re.search(r", \d{4}$", work)]
    starts = [work.rpartition(", ")[0] for work in found]
    assert not [(a, b) for a in starts for b in starts if a != b and b.startswith(a)]


def test_sources_are_cited_by_the_numbers_of_the_list() -> None:
    whole = small()
    sources = {n: derived(n).source for n in chain(*CHAPTERS.values())}
    known = works(list(sources.values()))
    found = [spoken(block.words, ENGLISH) for block in whole.blocks if isinstance(block, Source)]
    said = ["".join(getattr(word, "word", word) for word in words) for words in found]
    assert said == [
        "Source: " + "; ".join(f"[{known[c.work]}]{c.place}" for c in citations(s)) + "." for s in sources.values()
    ]
    *_, listing = (block for block in whole.blocks if isinstance(block, Listing))
    listed = [(getattr(row[0][1], "word", ""), row[1][0]) for row in listing.rows]
    assert listed == [(str(n), work) for work, n in known.items()]


def test_latex_makes_chapters_and_pages_of_it() -> None:
    latex = latex_writer.page(small())
    assert latex.startswith(latex_writer.book_preamble())
    assert len(re.findall(r"^\\section\{", latex, re.MULTILINE)) == 3
    assert re.findall(r"\\def\\thechapter\{(.*?)\}", latex) == ["1", "2", "A", "B"]
    assert "\n[1]" not in latex  # it would be read as an option of the end of a row
