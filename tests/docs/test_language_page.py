"""docs/language.md is true: its layers are verified, its Python runs, its errors are what is raised."""

import re
from pathlib import Path

import pytest

import gradscribe
from gradscribe.codegen.tool.verify import verify_layer
from gradscribe.derive.language import LanguageError
from gradscribe.derive.language.syntax.words import FUNCTIONS
from tests.cases.together import together

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
EQUATIONS = dict(re.findall(r"```gradscribe title=\"(\w+)\.eq\"\n(.*?)```", PAGE, re.DOTALL))
ERRORS = re.findall(r"```error\n(.*?)\n(line .*?)\n```", PAGE, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.thorough
@together("name", EQUATIONS)
def test_every_layer_of_the_page_is_verified(name: str) -> None:
    """With numbers of all kinds, and with ties."""
    rows = list(verify_layer(gradscribe.layer(EQUATIONS[name], name), 2))
    assert len(rows) >= 4
    assert all(row.passed for row in rows), rows


@pytest.mark.parametrize(("text", "message"), ERRORS)
def test_every_error_of_the_page_is_what_is_raised(text: str, message: str) -> None:
    with pytest.raises(LanguageError) as caught:
        gradscribe.layer(text)
    assert str(caught.value) == message


def test_the_functions_are_all_there() -> None:
    (listed,) = re.findall(r"the functions\n\n {4}(.*?)\n", PAGE)
    assert listed.split() == sorted(FUNCTIONS)


def test_the_python_of_the_page_runs() -> None:
    assert PYTHON
    for block in PYTHON:
        exec(block, {})
