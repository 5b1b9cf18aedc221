"""docs/winograd.md is true: its commands print what it shows, its tables are the script's, its Python runs."""

import io
import re
import runpy
import shlex
import sys
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from benchmarks.winograd_points import choices, ranked, used
from gradscribe.derive.catalogue.winograd import parse_points
from gradscribe.generated import settings
from gradscribe.generated.conv2d import conv2d_forward
from tests.codegen.tool.cli.running import run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "winograd.md").read_text(encoding="utf-8")
COMMANDS = [line.strip() for line in PAGE.splitlines() if re.match(r" *(gradscribe|python) ", line)]
SHOWN = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
((PYTHON, PRINTED),) = re.findall(r"```python\n(.*?)```\n\n```text title=\"prints\"\n(.*?)```", PAGE, re.DOTALL)
TABLES = re.findall(r"(?:^\|.*\|\n)+", PAGE, re.MULTILINE)


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """What a command of the page prints, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")

    def printed(command: str) -> str:
        program, *arguments = shlex.split(command)
        if program == "gradscribe":
            done = run(*arguments)
            assert done.code == 0, done.err
            return done.out
        option, module, *arguments = arguments
        assert (program, option) == ("python", "-m")
        with (
            patch.object(sys, "argv", [module, *arguments]), patch.dict(sys.modules),
            redirect_stdout(io.StringIO()) as out, suppress(SystemExit),
        ):  # fmt: skip
            del sys.modules[module]  # this test has loaded it
            runpy.run_module(module, run_name="__main__")
        return out.getvalue()

    return printed


def rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("| \n").split("|")] for line in table.splitlines()]


def alike(found: list[list[str]], shown: list[list[str]]) -> None:
    """Equal but for measured figures, which depend on the order of sums in BLAS."""
    assert len(found) == len(shown)
    for one, other in zip(found, shown, strict=True):
        for a, b in zip(one, other, strict=True):
            if "e-0" in b:
                assert float(b) / 1.4 < float(a) < 1.4 * float(b)
            else:
                assert a == b


@pytest.mark.thorough
def test_the_derivation_is_what_the_commands_print(output: Callable[[str], str]) -> None:
    derivations = [c for c in COMMANDS if "derive winograd" in c]
    assert len(derivations) == 3
    printed = [output(command) for command in derivations]
    assert Path("f23.tex").read_text(encoding="utf-8").startswith("\\documentclass")
    assert len(SHOWN) >= 10
    for shown in SHOWN:
        assert any(shown in text for text in printed), shown


def test_the_ways_are_what_explain_lists(output: Callable[[str], str]) -> None:
    (command,) = (c for c in COMMANDS if "explain" in c)
    assert {"winograd4", "winograd2", "matrix"} <= set(output(command).split())


@pytest.mark.thorough
def test_the_tables_are_what_the_script_prints(output: Callable[[str], str]) -> None:
    (command,) = (c for c in COMMANDS if "python -m" in c)
    (printed,) = re.findall(r"(?:^\|.*\|\n)+", output(command).replace("| \n", "|\n"), re.MULTILINE)
    alike(rows(printed)[2:], rows(TABLES[0])[2:])
    assert rows(printed)[0] == rows(TABLES[0])[0]
    table = used()
    cells = [[str(cell) for cell in column.cells] for column in table.columns]
    alike([list(row) for row in zip(*cells, strict=True)], rows(TABLES[1])[2:])


@pytest.mark.thorough
def test_where_the_points_of_textbooks_come() -> None:
    ((place, number, amplified, error),) = re.findall(r"come (\d+)th of (\d+), amplified (\S+), .*of (\S+)\.", PAGE)
    order = ranked(6)
    textbook = next(c for c in choices(6) if set(c.points) == set(parse_points("0, 1, -1, 2, -2, oo")))
    assert (order.index(textbook) + 1, len(order)) == (int(place), int(number))
    assert f"{textbook.amplified:.2f}" == amplified
    assert textbook.errors([(4, 3), (2, 5)], rectified=False) == pytest.approx(float(error), rel=0.3)


@pytest.mark.thorough
def test_the_python_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    exec(PYTHON, {})
    found = [line.split() for line in capsys.readouterr().out.splitlines()]
    shown = [line.split() for line in PRINTED.splitlines()]
    assert [name for name, _ in found] == [name for name, _ in shown]
    for (_, value), (_, written) in zip(found, shown, strict=True):
        assert float(written) / 2 <= float(value) <= 2 * float(written)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_a_number_spreads_within_its_tile(bad: float) -> None:
    """To all outputs that read it, and to no others than those of tiles that do."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((1, 18, 18, 3)), rng.standard_normal((3, 3, 3, 4))
    x[0, 9, 7, 1] = bad
    reads = np.zeros((16, 16), dtype=bool)
    reads[7:10, 5:8] = True  # 9 - 2 to 9, 7 - 2 to 7
    tiles = reads.reshape(4, 4, 4, 4).any((1, 3)).repeat(4, 0).repeat(4, 1)
    with settings(strategy="winograd4"), np.errstate(invalid="ignore"):
        spoilt = ~np.isfinite(conv2d_forward(x, w)[0])
    assert spoilt[reads].all()
    assert not spoilt[~tiles].any()
    assert spoilt[tiles & ~reads].any()


def test_a_window_of_zeros_beside_other_elements() -> None:
    rng = np.random.default_rng(1)
    x, w = np.zeros((1, 10, 10, 8), np.float32), rng.standard_normal((3, 3, 8, 8)).astype(np.float32)
    x[:, :, 4:] = rng.standard_normal((1, 10, 6, 8))  # columns 0 and 1 of the output read none of them
    with settings(strategy="winograd4", backend="numpy"):
        found = conv2d_forward(x, w)
    assert 0 < np.abs(found[:, :, :2]).max() < 1e-5
    with settings(strategy="matrix"):
        assert not conv2d_forward(x, w)[:, :, :2].any()
