"""Cells of notebooks that are layers and networks, in an IPython of their own."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gradscribe import layer, network

SQUARE = "y[n] = x[n]^2"


@pytest.fixture(scope="module")
def ipython(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """What it keeps goes to a folder of the tests; it is closed with the process."""
    pytest.importorskip("IPython")
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        patch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # a shell puts its own there
        yield InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))


@pytest.fixture
def shell(ipython: Any) -> Any:
    """With the cells loaded, and no variables."""
    ipython.reset(new_session=False)
    assert ipython.run_cell("%reload_ext gradscribe").success
    return ipython


def refused(shell: Any, cell: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What is said of a cell that cannot be read: no traceback, and no variable changes."""
    before = dict(shell.user_ns)
    capsys.readouterr()
    assert not shell.run_cell(cell).success
    changed = {n for n, v in shell.user_ns.items() if before.get(n) is not v and not n.startswith("_")}
    assert not changed - {"In", "Out", "exit", "quit"}
    said = "".join(capsys.readouterr())
    assert "Traceback" not in said
    assert said.startswith("UsageError: ")
    return said


def test_a_cell_becomes_a_variable_and_is_shown(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    done = shell.run_cell(f"%%layer square\n{SQUARE}\n")
    assert done.result is shell.user_ns["square"]
    assert done.result == layer(SQUARE + "\n", "square")
    assert "y[n] = x[n]²" in capsys.readouterr().out
    assert shell.run_cell("dx = square.derivation(wrt=['x'])").success


def test_a_network_knows_the_layers_of_the_notebook(shell: Any) -> None:
    shell.run_cell("%%layer cube\ny[...] = x[...]^3\n")
    done = shell.run_cell("%%network net\nflatten -> dense(3) -> cube\n")
    assert done.result is shell.user_ns["net"]
    cube = layer("y[...] = x[...]^3", "cube")
    own = network("flatten -> dense(3) -> cube\n", "net", layers={"cube": cube})
    assert str(done.result) == str(own)


@pytest.mark.parametrize(
    ("cell", "parts"),
    [
        ("%%layer bad\ny[n] = x[n", ["line 1, column 11", "\n    y[n] = x[n\n", "^"]),
        ("%%network bad\nflatten -> dense(3) -> cub", ["unknown layer 'cub'"]),
        ("%%network bad\nflatten -> dense(3) -> residual_add", ["residual_add", "^"]),
        (f"%%layer\n{SQUARE}", ["%%layer ''", "expected the name of a variable"]),
        (f"%%layer 2a\n{SQUARE}", ["'2a'", "expected the name of a variable"]),
        (f"%%network for\n{SQUARE}", ["%%network 'for'"]),
        ("%%layer deep\ny[n] = " + "(" * 5000 + "x[n]" + ")" * 5000, ["deep"]),
    ],
)
def test_a_mistake_is_told_without_a_traceback(
    shell: Any, cell: str, parts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(shell, cell, capsys)
    assert not [part for part in parts if part not in said], said


def test_the_cells_of_the_page_are_what_it_says(shell: Any) -> None:
    page = (Path(__file__).parents[3] / "docs" / "book.md").read_text(encoding="utf-8")
    cells = re.findall(r"^```\n(%.*?)```", page, re.MULTILINE | re.DOTALL)
    assert [shell.run_cell(cell).success for cell in cells] == [True, True, True]
    assert "swish" in str(shell.user_ns["small"])


def test_the_cells_go_with_the_extension(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert shell.run_cell("%unload_ext gradscribe").success
    assert "not found" in refused(shell, f"%%layer square\n{SQUARE}", capsys)
