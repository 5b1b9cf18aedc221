"""What the playground says to a text: the page's own elements, or what is wrong, where."""

import json
from pathlib import Path
from typing import Any

import pytest

from gradscribe.codegen.tool.finding.find import find_any
from gradscribe.codegen.tool.pages.html.html_page import shown_of
from gradscribe.codegen.tool.pages.playground.answer import LONGEST, answer, check
from gradscribe.derive.catalogue.pages.starting_texts import STARTING_TEXTS
from tests.cases.together import together
from tests.codegen.tool.pages.html.reading import Read


def test_an_answer_is_what_a_page_shows() -> None:
    for text in ("y[n,k] = x[n,k]^3", "relu", "  relu\n", "conv2d -> tanh"):
        found = answer(text)
        assert found == {"title": shown_of(find_any(text.strip())).title, "html": shown_of(find_any(text.strip())).html}
        assert json.loads(json.dumps(found)) == found
        assert all(f">{title}</button>" in found["html"] for title in ("NumPy", "C", "PyTorch"))


def test_an_answer_is_in_the_language_that_is_asked_for() -> None:
    found = answer("relu", "ko")
    assert found["html"] == shown_of(find_any("relu"), "ko").html
    assert found["title"] == "relu: 정류 선형 유닛"
    assert answer("relu", "kr")["error"]["message"] == "unknown language 'kr'; expected one of en, ko"
    assert answer("y[n] = f(x[n])", "ko") == answer("y[n] = f(x[n])")


@together("text", STARTING_TEXTS.values())
def test_examples_are_well_formed(text: str) -> None:
    assert check(text) == {}


WRONG = {
    "y[i] = foo(x[i])": (1, 8, 9, "unknown function foo"),
    "y[i] = x[i]\nz[i] = y[j]": (2, 10, 1, "index j is neither on the left side nor"),
    "y[i] = x[i": (1, 11, 1, "found the end of the text; expected"),
    "conv2d -> tanhh": (1, 11, 5, "unknown layer 'tanhh': did you mean tanh?"),
    "input x[N, C]\ndense(3) -> relu(4)": (2, 13, 4, "at most 0 settings without a name"),
    "conv2d(8,3 -> relu": (1, 12, 1, "found '-> relu'; expected"),
    "dense(3) -> relu": (1, 1, 5, "the number of axes of x is open"),
    "input x[N]\na: relu -> a: tanh": (2, None, None, "two nodes are called a"),
    "\n  convv2d": (2, 3, 7, "unknown layer 'convv2d': did you mean conv2d?"),
    "/etc/passwd": (1, 1, 11, "expected a name of the catalogue, an equation or a network"),
    "": (0, 0, 0, "nothing to derive yet"),
    "y[i] = " + "(" * 500 + "x[i]" + ")" * 500: (1, None, None, "nest"),
    "x" * (LONGEST + 1): (0, 0, 0, f"the text has {LONGEST + 1} characters; expected at most {LONGEST}"),
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:20])
def test_a_mistake_has_a_place_and_words(text: str) -> None:
    line, column, length, words = WRONG[text]
    for say in (answer, check):
        found: dict[str, Any] = say(text)["error"]
        assert words in found["message"]
        assert "\n" not in found["message"]
        assert (found["line"], column and found["column"], length and found["length"]) == (line, column, length)


def test_no_file_is_looked_at(tmp_path: Path) -> None:
    own = tmp_path / "own.eq"
    own.write_text("y[i] = x[i]", encoding="utf-8")
    python = tmp_path / "own.py"
    python.write_text("raise SystemExit('run')", encoding="utf-8")
    for name in (own, f"{python}:layer", tmp_path / "own.net"):
        assert "unknown layer" in answer(str(name))["error"]["message"]


def test_words_of_strangers_are_no_markup() -> None:
    found = Read(answer("# <b>bold</b> & <script>alert(1)</script>\ny[i] = x[i]  # <i>")["html"])
    tags = [tag for tag, _ in found.elements]
    assert not {"b", "i"} & set(tags)
    assert all(attributes["type"] == "application/json" for tag, attributes in found.elements if tag == "script")


@together("text", STARTING_TEXTS.values())
def test_what_comes_first_is_the_derivation_of_the_whole_answer(text: str) -> None:
    first, whole = (answer(text, first=first)["html"] for first in (True, False))
    derivations = [html[html.index("<main") : html.index("</main>")] for html in (first, whole)]
    assert derivations[0] == derivations[1]
    assert "<pre" not in first
    assert "<pre" in whole
