"""docs/speed.md is true: its code runs, its commands print what it shows, its strategies are those of the runtime."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from gradscribe.codegen.tool import cli
from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.contractions.choice import SCATTERING
from gradscribe.generated.runtime.contractions.costs import _is_wide
from gradscribe.generated.runtime.contractions.gathering import GATHERING
from gradscribe.generated.runtime.machine.configuration import _CHOICES
from gradscribe.generated.runtime.machine.threads import available

FILE = Path(__file__).parents[2] / "docs" / "speed.md"
PAGE = FILE.read_text(encoding="utf-8")
SHOWN = re.compile(r"```sh\n(gradscribe explain .*?)\n```\n(.*?)```text\n(.*?)```", re.DOTALL)
PARTS = ("conv2d_forward", "conv2d_grad_input", "layer_forward")
"""The function that the page shows of each output."""


def printed(command: str, function: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The table of a function, without spaces at the ends of lines."""
    monkeypatch.setenv("COLUMNS", "128")
    monkeypatch.setattr("sys.argv", shlex.split(command))
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert not stop.value.code
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    (start,) = (k for k, line in enumerate(lines) if line.strip().startswith(function + " "))
    end = next((k for k in range(start, len(lines)) if not lines[k]), len(lines))
    return "\n".join(lines[start:end]) + "\n"


@pytest.mark.thorough
@pytest.mark.skipif(_is_wide() or available() > 1, reason="the page shows one thread of BLAS, without AVX-512")
@pytest.mark.parametrize("number", range(len(PARTS)))
def test_the_commands_print_what_the_page_shows(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    """``--update-golden`` writes the page anew; needed when constants of the cost model have changed."""
    found = SHOWN.findall(PAGE)
    assert len(found) == len(PARTS)
    command, _, shown = found[number]
    output = printed(command, PARTS[number], monkeypatch, capsys)
    if request.config.getoption("--update-golden"):
        text = FILE.read_text(encoding="utf-8")
        before = SHOWN.findall(text)[number][2]
        start = text.index(command)
        at = text.index(f"```text\n{before}```", start)
        text = f"{text[:at]}```text\n{output}```{text[at + len(before) + 11 :]}"
        FILE.write_text(text, encoding="utf-8")
        return
    assert shown == output


def test_the_code_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    scope: dict[str, Any] = {}
    before = rt.current()
    exec(code, scope)
    assert scope["y"].shape == (2, 16, 16, 8)
    assert rt.current() == before


def test_every_strategy_has_its_paragraph() -> None:
    named = [name for line in re.findall(r"^\*\*([\w, ]+)\.\*\*", PAGE, re.MULTILINE) for name in line.split(", ")]
    assert named == [s.name for s in (*GATHERING, *SCATTERING)]


def test_every_setting_is_told_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
    told = {name: (values, first) for name, values, first in rows}
    assert set(told) >= set(rt.Settings._fields)
    for name in ("accuracy", "backend"):
        assert told[name][1] == f'`"{getattr(rt.Settings(), name)}"`'
        assert all(f'`"{value}"`' in told[name][0] for value in _CHOICES[name])
