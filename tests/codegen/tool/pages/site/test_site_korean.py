"""A site in Korean: nothing English is left on its pages but names, code, and what is marked as English."""

from collections.abc import Sequence
from html.parser import HTMLParser

import pytest

from gradscribe.codegen.python.text.render import templates
from gradscribe.codegen.tool.pages.site.build import site, titled
from gradscribe.codegen.tool.pages.site.contents import Entry, catalogue, chosen
from gradscribe.codegen.tool.pages.site.site_folder import File
from gradscribe.codegen.tool.pages.site.start_page import OF_THE_SCRIPT, start_page
from gradscribe.derive.ir.error import EquationError
from gradscribe.said import Message
from tests.codegen.tool.pages.html.reading import VOID, Read
from tests.derive.typeset.test_korean import foreign

NAMES = {"gradscribe", "JavaScript", "NumPy", "PyTorch", "Python", "make", "pyodide", "DIR", "serve", "sgd", "py"}
SAID = ("aria-label", "title")
"""Attributes that are read out."""
SILENT = {"code", "pre", "script", "style", "option"}


class Heard(HTMLParser):
    """The words of a page but for code and its files, formulas, and what is in another language than the page."""

    def __init__(self, text: str, language: str) -> None:
        super().__init__()
        self.language, self.words = language, list[str]()
        self.open: list[bool] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        other = found.get("lang", self.language) != self.language or "tex" in (found.get("class") or "").split()
        if not (other or any(self.open)):
            self.words += [found[name] or "" for name in SAID if name in found]
        if tag not in VOID:
            self.open.append(other or tag in SILENT or "download" in found)

    def handle_endtag(self, tag: str) -> None:
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if not any(self.open):
            self.words.append(data)


def english(page: File) -> set[str]:
    return foreign("\n".join(Heard(str(page), "ko").words)) - NAMES


@pytest.fixture(scope="module")
def korean() -> dict[str, File]:
    return site(chosen(["relu", "sgd"]), lambda words: None, workers=2, language="ko")


def test_no_page_has_english_left(korean: dict[str, File]) -> None:
    for path in ("index.html", "sources/relu.html", "sources/sgd.html", "playground/index.html"):
        assert english(korean[path]) == set(), path
        assert Read(str(korean[path])).of("lang")[0] == "ko"
    assert "정류 선형 유닛" in str(korean["index.html"])
    navigation = str(korean["layers/relu.html"]).partition("</nav>")[0]
    assert english(navigation.partition("<body>")[2]) == set()
    assert ">활성화 함수</a>" in navigation


def test_an_english_word_would_be_found(korean: dict[str, File]) -> None:
    page = str(korean["index.html"]).replace("본문으로 건너뛰기", "To the content")
    assert english(page) == {"To", "the", "content"}


def test_headings_and_titles_of_the_whole_catalogue_are_korean() -> None:
    page = start_page([titled(entry, "ko") for entry in catalogue()], [], [], "ko")
    names = {"CRF", "CTC", "GRU", "LSTM", "LeNet", "Net", "RNN", "RoIAlign", "U", "VGG", "tanh"}
    assert english(page) - {entry.name for entry in catalogue()} <= names


def test_what_is_english_says_so(korean: dict[str, File]) -> None:
    assert Read(str(korean["index.html"])).of("lang") == ["ko", "en", "en"]  # the lists of documents and of tests
    assert Read(str(korean["docs/language.html"])).of("lang") == ["ko", "en"]
    assert Read(str(korean["tests/product-layers-test_windows.html"])).of("lang") == ["ko", "en"]


def test_the_search_finds_korean_and_english_words(korean: dict[str, File]) -> None:
    (row,) = (line for line in str(korean["assets/search_index.js"]).splitlines() if line.startswith('["relu",'))
    assert "정류 선형 유닛" in row
    assert {"활성화", "activations"} <= set(row.rpartition(',"')[2].partition('"')[0].split())


def test_the_search_has_the_words_that_it_says() -> None:
    script = (templates() / "site/search.js").read_text(encoding="utf-8")
    assert all(f'"{name}"' in script for name in OF_THE_SCRIPT)


def test_a_title_of_somebody_is_not_translated() -> None:
    own = Entry("layer", "mine.eq", "mine", "softmax over the last axis", Message("Your own"))
    assert titled(own, "ko").title == "softmax over the last axis"


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(EquationError, match="unknown language 'kr'; expected one of en, ko"):
        site(chosen(["relu"]), lambda words: None, workers=1, language="kr")
