"""Literals: their value is what was given, whatever was in it, and nothing in them hides anything."""

import ast
import unicodedata
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradscribe.codegen.python.text.literal import docstring, encodable, literal, number, real, string
from gradscribe.derive.ir.term import EquationError
from tests.cases.hostile import LONG, NAMES, TEXTS, fuzzed
from tests.cases.together import together

NASTY = (
    st.text()
    | st.text(alphabet="\"'\\\n\r\t\0{}%u\u2028\ud800x")
    | st.text(st.characters(categories=["Cc", "Cf", "Cs", "Z"]))
)


def check(text: str) -> None:
    """Both literals say the text, hold nothing that cannot be seen, and end where they should."""
    for made, lines in ((string(text), 1), (docstring(text), text.count("\n") + 1)):
        assert ast.literal_eval(made) == text
        tree = ast.parse(f"def f():\n    {made}\n    return 1\n")
        assert ast.get_docstring(tree.body[0], clean=False) == text  # type: ignore[arg-type]
        assert len(tree.body) == 1
        assert made.count("\n") == lines - 1
        assert all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for c in made)
        made.encode("utf-8")


@together("text", [*TEXTS, *NAMES, LONG], ids=lambda text: ascii(text)[:40])
def test_a_literal_is_the_text(text: str) -> None:
    check(text)


@fuzzed
@given(NASTY)
def test_random_texts(text: str) -> None:
    check(text)
    assert ast.literal_eval(literal((text, [text], None, True))) == (text, (text,), None, True)
    encodable(text).encode("utf-8")


@pytest.mark.parametrize("text", ["", "a word", "It's “so”", "x[n, i + r] * w[r]", "naïve", "日本語", "1 % 2", "a 'b'"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert string(text) == f'"{text}"'
    assert docstring(text) == f'"""{text}"""'


def test_quotes_stay_readable_where_they_may() -> None:
    assert docstring('"Deep" learning: "a" review.') == '""""Deep" learning: "a" review."""'
    assert docstring("two\nlines") == '"""two\nlines"""'


@pytest.mark.parametrize(
    ("value", "text"), [(3, "3"), (-2, "-2"), (0.1, "0.1"), (np.float64(0.1), "0.1"), (np.int64(7), "7")]
)
def test_numbers(value: Any, text: str) -> None:
    assert number(value) == literal(value) == text
    assert real(value) == repr(float(value))


@pytest.mark.parametrize("value", [float("inf"), float("nan"), True, None, "1", b"1", 1j, object(), [1], np.ones(2)])
def test_what_is_no_number(value: Any) -> None:
    with pytest.raises(EquationError, match="gain: expected a finite number, received"):
        number(value, "gain")
