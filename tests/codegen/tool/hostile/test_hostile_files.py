"""Nothing that a user wrote is ever code, or a file of its own choice: the command line, and files of packages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import gradscribe
from gradscribe.codegen.tool.package import package_sources, write_package
from gradscribe.derive.ir.term import EquationError
from tests.cases.hostile import CUBE, NAMES, TEXTS, watched
from tests.cases.thorough import some
from tests.codegen.tool.cli.running import run


@pytest.fixture(autouse=True)
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with watched(tmp_path, monkeypatch):
        yield


def run_safely(*arguments: str) -> int:
    """The exit code of the console script, which shows no traceback."""
    done = run(*arguments)
    assert "Traceback" not in done.err
    return done.code


COMMANDS = (
    ("derive", "{}"),
    ("verify", "{}", "--shapes", "1"),
    ("explain", "{}", "--shape", "x=4"),
    ("generate", "{}", "--out", "out"),
    ("derive", "{}", "--format", "latex"),
    ("derive", "{}", "--format", "markdown"),
    ("check", "mine.py:backward", "--layer", "{}", "--examples", "2"),
    ("generate", "{}", "--out", "out", "--check"),
)


@pytest.mark.parametrize("number", some(range(len(TEXTS)), 12))
def test_files_through_the_command_line(number: int) -> None:
    text, command = TEXTS[number].encode("utf-8", "surrogatepass"), COMMANDS[number % len(COMMANDS)]
    Path("mine.py").write_text("def backward(dy, x):\n    return 3 * x**2 * dy\n", encoding="utf-8")
    Path("own.eq").write_bytes(b"# " + text + b"\n" + CUBE.encode())
    Path("own.net").write_bytes(b"# " + text + b"\ninput x[N, 3]\nf: tanh")
    before = {p.name for p in Path().iterdir()}
    run_safely(*(word.format("own.eq") for word in command))
    if command[0] in ("derive", "generate"):
        run_safely(*(word.format("own.net") for word in command))
    assert {p.name for p in Path().iterdir()} <= {*before, "out", ".hypothesis", "__pycache__"}


@pytest.mark.parametrize(
    "name", [n for n in NAMES if n and not set(n) & {"\x00", "\ud800"} and len(n) < 200], ids=ascii
)
def test_arguments_of_the_command_line(name: str) -> None:
    for command in (("derive", name), ("generate", f"{name}.eq"), ("explain", f"{name}.net"), ("verify", name)):
        if name.startswith("-"):
            continue
        assert run_safely(*command) == 2
    assert not list(Path().iterdir())


# ----- files of a package -----
@pytest.mark.parametrize("name", ["runtime", "settings", "Sequential", "CON", "nul", "Com1", "Runtime"])
def test_a_module_has_a_file_of_its_own(name: str) -> None:
    with pytest.raises(EquationError, match="expected another name"):
        package_sources([gradscribe.layer(CUBE, name, class_name="Own")])


def test_modules_that_are_one_file_or_one_class() -> None:
    one, other = gradscribe.layer(CUBE, "cube"), gradscribe.layer(CUBE, "Cube", class_name="Other")
    with pytest.raises(EquationError, match="module Cube and module cube would be one"):
        package_sources([one, other])
    with pytest.raises(EquationError, match="Cube of third and Cube of cube would be one"):
        package_sources([one, gradscribe.layer(CUBE, "third", class_name="Cube")])
    with pytest.raises(EquationError, match="two different layers have this name"):
        package_sources([one, gradscribe.layer("y[n] = x[n]^2", "cube")])
    assert "cube.py" in package_sources([one, one])


def test_a_file_beside_is_no_module_because_it_says_so() -> None:
    write_package([gradscribe.layer(CUBE, "cube")], Path("out"))
    text = Path("out/cube.py").read_text(encoding="utf-8")
    for stem in ("a b", "x import y\nimport os #", "class", "ﬁ", "-x"):
        Path(f"out/{stem}.py").write_text(text.replace("class Cube(", "class Other("), encoding="utf-8")
    write_package([gradscribe.layer(CUBE, "third")], Path("out"))
    package = Path("out/__init__.py").read_text(encoding="utf-8")
    assert "Other" not in package
    assert "import os" not in package
    assert "Cube" in package
