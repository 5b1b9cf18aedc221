"""docs/language.md is true: its layers are verified, its commands and Python run, its errors are what is raised."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import gradscribe
from gradscribe.codegen.tool.verify import verify_layer
from gradscribe.derive.language import LanguageError
from gradscribe.derive.language.syntax.words import FUNCTIONS
from tests.cases.together import together
from tests.codegen.tool.cli.running import run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
EQUATIONS = dict(re.findall(r"```eq (\w+)\n(.*?)```", PAGE, re.DOTALL))
ERRORS = re.findall(r"```error\n(.*?)\n(line .*?)\n```", PAGE, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


@pytest.mark.thorough
@together("name", [name for name in EQUATIONS if f"gradscribe verify {name}.eq" not in COMMANDS])
def test_every_layer_of_the_page_is_verified(name: str) -> None:
    """With numbers of all kinds, and with ties; what a command of the page verifies, the tutorial does."""
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


@pytest.mark.thorough
def test_the_tutorial_runs_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    Path("gated.eq").write_text(EQUATIONS["gated"], encoding="utf-8")
    printed = ""
    for command in COMMANDS:
        program, *arguments = command.split()
        assert program == "gradscribe"
        done = run(*arguments)
        assert done.code == 0, done.err
        printed += done.out
    for shown in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL):
        assert shown in printed
    Path("train.py").write_text(PYTHON[0], encoding="utf-8")
    trained = subprocess.run([sys.executable, "train.py"], capture_output=True, text=True, check=True)
    assert float(trained.stdout) < 0.02


def test_the_python_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for block in PYTHON[1:]:
        exec(block, {})
    assert (tmp_path / "kernels" / "affine.py").is_file()
