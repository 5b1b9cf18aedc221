"""Several derivations as one document: a table of contents, rows counted through, the same in every format."""

import re

from gradscribe.codegen.tool.cli.printing import printed_pages
from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.catalogue.pages import PAGES
from gradscribe.derive.catalogue.pages.chapter import TOPICS, Topic
from gradscribe.derive.derivation import Derivation
from gradscribe.derive.typeset.document.arrange import chapter, document
from gradscribe.derive.typeset.document.document import Box, Contents, Document, Equations, Heading, Rows
from gradscribe.derive.typeset.document.look import Look
from gradscribe.derive.typeset.formats import FORMATS, rendered, rendered_chapter
from tests.cases.catalogue import derived

NAMES = ["convolution", "tanh", "dense"]


def pages() -> list[Derivation]:
    return [PAGES["convolution"](), derived("tanh"), derived("dense")]


def numbers(whole: Document) -> list[int]:
    """Those of rows, equations and boxes from top to bottom."""
    found: list[int] = []
    for block in whole.blocks:
        match block:
            case Equations(equations):
                found += [e.number for e in equations if e.number is not None]
            case Rows(rows):
                found += [row.number for row in rows]
            case Box(number, _):
                found.append(number)
    return found


def test_rows_are_counted_through_and_none_is_lost() -> None:
    whole = chapter("Three pages", [(page, None) for page in pages()])
    single = [numbers(document(page)) for page in pages()]
    assert numbers(whole) == list(range(1, sum(map(len, single)) + 1))
    kinds = [type(block) for block in whole.blocks]
    assert kinds[:2] == [Heading, Contents]
    assert kinds[2:] == [type(block) for page in pages() for block in document(page).blocks]


def test_the_contents_are_the_titles_with_their_numbers() -> None:
    whole = chapter("Three pages", [(page, None) for page in pages()])
    (contents,) = (block for block in whole.blocks if isinstance(block, Contents))
    assert [(h.number, h.words) for h in contents.headings] == [(n + 1, p.heading) for n, p in enumerate(pages())]
    assert list(contents.headings) == [b for b in whole.blocks if isinstance(b, Heading) and b.kind == "title"]


def test_every_format_prints_each_page_once() -> None:
    for form in FORMATS:
        text = rendered_chapter("Three pages", [(page, None) for page in pages()], form)
        assert text.count("Three pages") == 1
        for page in pages():  # what is no number of a row, and no heading
            whole = {line for line in rendered(page, form).splitlines() if re.fullmatch(r"[\w ,.:;()]{20,}", line)}
            assert {line for line in whole if not line.startswith(page.name)} <= set(text.splitlines())
    latex = rendered_chapter("Three pages", [(page, None) for page in pages()], "latex")
    assert latex.count(r"\begin{document}") == latex.count(r"\tableofcontents") == 1
    assert latex.count(r"\section{") == 3
    fragment = rendered_chapter("Three pages", [(page, None) for page in pages()], "latex", Look(fragment=True))
    assert r"\tableofcontents" not in fragment  # that is the document's which reads it
    assert fragment.count(r"\section{") == 3
    markdown = rendered_chapter("Three pages", [(page, None) for page in pages()], "markdown")
    assert re.findall(r"\]\(#(.*)\)", markdown) == re.findall(r'<a id="(.*)">', markdown)


def test_what_a_reader_chooses_is_a_chapter() -> None:
    text = printed_pages(
        "Mine", [Topic("tanh"), Topic("y[n] = x[n]^2", "A square"), Topic("dense", wrt=("b",))], "", "text"
    )
    assert "  2  A square\n" in text
    assert "Gradient with respect to w" not in text.partition("\n3  ")[2]


def test_the_chapter_begins_with_convolution_and_ends_with_the_bias() -> None:
    assert TOPICS[0].name == "convolution"
    assert TOPICS[-1].wrt == ("b",)
    assert len({(topic.name, topic.wrt) for topic in TOPICS}) == len(TOPICS) == 9


def test_every_topic_of_the_chapter_is_there() -> None:
    for topic in TOPICS:
        layer = None if topic.name in PAGES else find(topic.name)
        assert layer is None or set(topic.wrt) <= set(layer.differentiable)
