"""docs/design.md is true: its worked example prints what it shows."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")


def test_the_worked_example_prints_what_the_page_shows(capsys: pytest.CaptureFixture[str]) -> None:
    ((python, printed),) = re.findall(r"```python\n(.*?)```\n\n```text title=\"prints\"\n(.*?)```", PAGE, re.DOTALL)
    exec(python, {})
    assert capsys.readouterr().out == printed
