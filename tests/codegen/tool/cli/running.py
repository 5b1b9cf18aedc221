"""Running the console script, in this process and in one of its own."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import pytest

from gradscribe.codegen.tool import cli

ROOT = Path(__file__).parents[4]
GENERATED = ROOT / "generated"
START = (sys.executable, "-c", "from gradscribe.codegen.tool.cli import main; main()")
OWN = '''
"""A layer of one's own."""
from sympy import Eq, Idx, IndexedBase
from gradscribe.derive.layer.equations import program
from gradscribe.derive.ir.index import integers
from gradscribe.derive.layer.interface import Layer

def cube():
    E, = integers("E")
    x, y, e = IndexedBase("x", shape=(E,)), IndexedBase("y", shape=(E,)), Idx("e", E)
    return Layer("cube", "Cube", "third power", program(Eq(y[e], x[e] ** 3), inputs=(x,), ravel="x y"))

def descent():
    from gradscribe import optimiser
    return optimiser("lr = 0.1; new_p[...] = p[...] - lr * g[...]", "descent")

def raises():
    return undefined

def needs(argument):
    return cube()

number = 3

def no_layer():
    return 3
'''
"""A file of layers of one's own, and of functions that are none."""


class Done(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Done]


def run(*arguments: str | Path) -> Done:
    """Run the console script in this process."""
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.object(sys, "argv", ["gradscribe", *map(str, arguments)]),
        redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as stop,
    ):  # fmt: skip
        cli.main()
    assert isinstance(stop.value.code, int)
    return Done(stop.value.code, out.getvalue(), err.getvalue())


def run_apart(folder: Path, *arguments: str) -> Done:
    """Run the console script in a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([*START, *arguments], capture_output=True, check=False, cwd=folder, env=env, encoding="utf-8")
    return Done(done.returncode, done.stdout, done.stderr)


def is_a_mistake(done: Done, *parts: str) -> None:
    """Exit code 2, one line on standard error that holds `parts`, nothing on standard output, no traceback."""
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("gradscribe: ")
    assert done.err.count("\n") == 1, done.err
    assert "Traceback" not in done.err
    for part in parts:
        assert part in done.err
