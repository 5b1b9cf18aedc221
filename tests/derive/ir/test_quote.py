"""What somebody wrote, in messages: nothing steers a terminal or hides, and long texts are cut."""

import unicodedata
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradscribe
from gradscribe import network
from gradscribe.codegen.tool.explain import explain
from gradscribe.derive.ir.quote import MOST, MOST_LISTED, MOST_PATH, listed, located, quoted, shown, visible
from gradscribe.derive.language.syntax.located_error import LanguageError
from gradscribe.derive.language.syntax.tree import Place
from gradscribe.generated.conv2d import conv2d_forward

ANYTHING = st.text(st.characters(), max_size=80)
"""Texts of all characters, halves of surrogate pairs too."""
SHAPELESS = "\u034f\u115f\u1160\u3164\ufe0f\uffa0\U000e0100"
HOSTILE = "\x1b[31m\x1b]8;;http://x\x07\r\x08\x00\x7f\x9b\u202e\u2066\u200b\u200f\u061c\u2028\ufeff\ud800" + SHAPELESS


@given(ANYTHING)
def test_what_is_visible_is_one_line_of_characters_with_a_shape(text: str) -> None:
    found = visible(text)
    assert found.isprintable()
    assert not set(found) & set(SHAPELESS)
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in found)
    found.encode("utf-8")


@given(st.text(st.characters(exclude_categories=["C", "Z", "M", "Lo"]), max_size=40))
def test_what_has_a_shape_stays(text: str) -> None:
    assert visible(text) == text


def test_escapes_say_which_character_it_was() -> None:
    assert visible("a\x1b[31m\u202e\n\U000e0001\ud800") == r"a\x1b[31m\u202e\n\U000e0001\ud800"


@given(st.one_of(ANYTHING.map(lambda t: t * 40), st.integers(), st.lists(ANYTHING)))
def test_a_message_quotes_a_short_piece(value: Any) -> None:
    assert len(shown(value)) <= MOST
    assert len(quoted(value)) <= MOST + 2
    assert quoted(value).isprintable()


def test_values_that_cannot_be_printed_are_named() -> None:
    class Unprintable:
        def __repr__(self) -> str:
            raise RuntimeError

    assert quoted(10**5000) == "<int>"
    assert quoted(Unprintable()) == "<Unprintable>"


def test_lists_and_paths_are_cut_where_they_say_least() -> None:
    assert listed(["x", "w\n"]) == r"x, w\n"
    assert len(listed(f"x{k}" for k in range(10_000))) == MOST_LISTED
    assert located("a/b.eq") == "a/b.eq"
    assert located("a" * 500 + "/b.eq").endswith("/b.eq")
    assert len(located("a" * 500 + "/b.eq")) == MOST_PATH


# ----- the caret ------------------------------------------------------------------------------------------------------
COLUMNS = {"\t": 1, "\x1b": 4, "\u202e": 6, "中": 2, "e\u0301": 1, "é": 1, "🙂": 2, "\u200b": 6}


@pytest.mark.parametrize("before", COLUMNS)
@pytest.mark.parametrize("times", [1, 3])
def test_the_caret_stands_below_the_place_whatever_stands_before_it(before: str, times: int) -> None:
    column = 1 + len(before) * times
    error = LanguageError("wrong", Place(1, column, column + 1), before * times + "$")
    _, line, caret = str(error).split("\n")
    assert caret.index("^") == 4 + COLUMNS[before] * times
    assert line.endswith("$")
    assert line.isprintable()


@settings(deadline=None)
@given(ANYTHING)
def test_any_text_is_read_or_refused_on_visible_lines(text: str) -> None:
    said = ""
    try:
        gradscribe.layer(text)
    except LanguageError as error:
        said = str(error)
    assert all(line.isprintable() for line in said.split("\n"))
    assert len(said) < 2_000


def anything(value: Any) -> Any:
    return value


# ----- long texts in every role ---------------------------------------------------------------------------------------
LONG = "a" * 5_000
MISTAKES = {
    "name": lambda: gradscribe.layer(f"y[n] = {LONG}[n]"),
    "index": lambda: gradscribe.layer(f"y[n] = x[{LONG}]"),
    "function": lambda: gradscribe.layer(f"y[n] = {LONG}(x[n])"),
    "target": lambda: gradscribe.layer(f"{LONG}[n] = x[n]"),
    "parameter": lambda: gradscribe.layer(f"y[n] = x[n]; {LONG} = 1"),
    "declaration": lambda: gradscribe.layer(f"weight {LONG}\ny[n] = x[n]"),
    "number": lambda: gradscribe.layer("y[n] = x[n] + " + "1" * 5_000),
    "names": lambda: gradscribe.layer("y[n] = unknown + " + " + ".join(f"x{k}[n]" for k in range(900))),
    "extents": lambda: gradscribe.layer(f"input x[{'+'.join(f'a{k}' for k in range(400))}]\ny[n] = x[n]\nn < 7"),
    "layer of a network": lambda: network(f"conv2d -> {LONG}"),
    "node": lambda: network(f"{LONG}: conv2d -> tanh"),
    "word of a network": lambda: network(f"conv2d(padding='{LONG}')"),
    "setting": lambda: gradscribe.layer("y[n] = s*x[n]; s = 2.0").derivation(settings={LONG: "1"}),
    "value": lambda: gradscribe.layer("y[n] = s*x[n]; s = 2.0").derivation(settings={"s": LONG}),
    "digits": lambda: gradscribe.layer("y[n] = s*x[n]; s = 2.0").derivation(settings={"s": "1/" + "9" * 5_000}),
    "infinity": lambda: gradscribe.layer("y[n] = s*x[n]; s = 2.0").derivation(settings={"s": "1e999"}),
    "tensor": lambda: gradscribe.layer("y[n] = x[n]").derivation([LONG]),
    "gradient": lambda: gradscribe.layer("y[n] = x[n]").differentiate([LONG]),
    "option": lambda: gradscribe.layer("y[n] = x[n]").option(LONG),
    "dtype": lambda: explain("relu", {"x": (2,)}, dtype=LONG),
    "features": lambda: explain("dense", {"x": (2, 3)}, {"out_features": "9" * 5_000}),
    "argument": lambda: conv2d_forward(np.ones((1, 3, 3, 1)), np.ones((1, 1, 1, 1)), stride=anything([LONG] * 100)),
    "big argument": lambda: conv2d_forward(np.ones((1, 3, 3, 1)), np.ones((1, 1, 1, 1)), stride=-(10**5000)),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_no_message_is_longer_for_a_long_text(mistake: Any) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        mistake()
    assert len(str(caught.value)) < 900
    assert "a" * (MOST + 50) not in str(caught.value).split("\n")[0]


@pytest.mark.parametrize("text", [f"# {HOSTILE}\ny[n] = {HOSTILE}", f"y[n] = x[n] {HOSTILE}", f"x -> {HOSTILE}"])
def test_messages_show_escapes(text: str) -> None:
    read = network if "->" in text else gradscribe.layer
    with pytest.raises(ValueError, match="line") as caught:
        read(text)
    assert all(line.isprintable() for line in str(caught.value).split("\n"))
    assert "\\x1b" in str(caught.value)
