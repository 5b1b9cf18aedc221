"""`gradscribe check` as a command: files, exit codes, functions that leave."""

import subprocess
import sys
from pathlib import Path

import pytest

from gradscribe.codegen.tool.check import Verdict
from tests.codegen.tool.cli.running import is_a_mistake, run

ROOT = Path(__file__).parents[4]

FILE = """
import numpy as np
from math import tanh as imported

def conv_backward(dout, cache):
    return dout * (1 - np.tanh(cache) ** 2)

def loss_backward(y, t):
    return 2 * (y - t) / y.size

def leaves(dy, y):
    exit()

class Layer:
    pass
"""


def command(folder: Path, *arguments: str) -> tuple[int, str]:
    (folder / "layers.py").write_text(FILE, encoding="utf-8")
    done = run("check", *arguments, "--examples", "5")
    return done.code, done.out + done.err


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["layers.py:conv_backward", "--layer", "tanh", "--cache", "x"], 0, "dx equal on"),
        (["layers.py:loss_backward", "--layer", "mean_squared_error", "--bind", "y=x,t=target"], 0, "dx equal on"),
        (["layers.py:loss_backward", "--layer", "mean_squared_error", "--bind", "y=x", "--bind", "t=t"], 0, "equal on"),
        (["layers.py:loss_backward", "--layer", "mean_squared_error"], 2, "'y' and 't' both stand for t"),
        (["layers.py:loss_backward", "--layer", "mean_squared_error", "--bind", "y"], 2, "--bind y: expected NAME="),
        (["layers.py:leaves", "--layer", "tanh"], 1, "SystemExit"),
        (["layers.py", "--layer", "conv2d"], 2,
         "layers.py: a function that computes gradients is missing; it has conv_backward, loss_backward, leaves, Layer"
         "; expected layers.py:conv_backward"),
        (["layers.py:", "--layer", "conv2d"], 2, "a function that computes gradients is missing; it has conv_backward"),
        (["layers.py:conv_bakward", "--layer", "conv2d"], 2, "did you mean conv_backward?"),
        (["layers.py:other", "--layer", "conv2d"], 2, "expected a function other() that computes gradients; it has"),
        (["layer.py", "--layer", "conv2d"], 2, "layer.py: no such file"),
        (["empty.py", "--layer", "conv2d"], 2, "it has no function"),
        (["broken.py:f", "--layer", "conv2d"], 2, "broken.py: SyntaxError"),
        (["leaving.py:f", "--layer", "conv2d"], 2, "leaving.py: SystemExit"),
        (["raising.py:f", "--layer", "conv2d"], 2, "raising.py: ValueError: one"),
        ([".", "--layer", "conv2d"], 2, ".: expected a file, found a folder"),
    ],
)  # fmt: skip
def test_the_command(
    arguments: list[str], code: int, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.py").write_text("", encoding="utf-8")
    (tmp_path / "broken.py").write_text("def f(:", encoding="utf-8")
    (tmp_path / "leaving.py").write_text("import sys\nsys.exit(0)", encoding="utf-8")
    (tmp_path / "raising.py").write_text("raise ValueError('one\\ntwo')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    status, output = command(tmp_path, *arguments)
    assert status == code, output
    assert text in output
    assert "Traceback" not in output
    if code == 2:
        assert len(output.strip().splitlines()) == 1


@pytest.mark.thorough
def test_a_function_that_leaves_gives_a_verdict_in_a_process_of_its_own_which_leaves_no_folder(tmp_path: Path) -> None:
    (tmp_path / "layers.py").write_text(FILE, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "from gradscribe.codegen.tool.cli import main; main()",
         "check", "layers.py:leaves", "--layer", "tanh", "--examples", "5"],
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("leaves against tanh: it raises")
    assert done.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == ["layers.py"]


def test_verdicts_can_be_made_by_hand() -> None:
    assert str(Verdict("f", "tanh", {"dx": "1 random shape"}, 1, 1)) == "f against tanh: dx equal on 1 random shape"


SLOPES = """
import numpy as np

def right(dy, y):
    return dy * (1 - y**2)

def wrong(dy, y):
    return dy * (1 - y) ** 2

number = 3
"""


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["slopes.py:right", "--layer", "tanh"], 0, "right against tanh: dx equal on"),
        (["slopes.py:wrong", "--layer", "tanh", "--seed", "3"], 1, "with (1−y[e])² instead of 1−y[e]²"),
        (["slopes.py:right", "--layer", "y[n] = tanh(x[n])", "--returns", "dx"], 0, "equal on"),
        (["slopes.py:right", "--layer", "tanhh"], 2, "did you mean tanh?"),
        (["slopes.py:number", "--layer", "tanh"], 2, "expected a function number() that computes gradients"),
        (["slopes.py:none", "--layer", "tanh"], 2, "expected a function none() that computes gradients"),
        (["slope.py:right", "--layer", "tanh"], 2, "slope.py: no such file"),
        (["slopes.py", "--layer", "tanh"], 2, "slopes.py: a function that computes gradients is missing"),
        (["slopes.py:wright", "--layer", "tanh"], 2, "did you mean right? it has right, wrong"),
        (["slopes.py:right", "--layer", "tanh", "--set", "s"], 2, "--set s: expected NAME=VALUE"),
    ],
)
def test_right_and_wrong_slopes(
    arguments: list[str], code: int, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slopes.py").write_text(SLOPES, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    done = run("check", *arguments, "--examples", "10")
    assert done.code == code, done.err
    assert text in (done.err if code == 2 else done.out)
    if code == 2:
        is_a_mistake(done)
