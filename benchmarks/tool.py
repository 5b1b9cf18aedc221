"""How long the tool itself takes, in processes that start cold, and where the time goes.

    python -m benchmarks.tool [--publish]

prints the tables of docs/speed.md, and writes them there.
"""

import cProfile
import json
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.history import about
from benchmarks.report import write_between
from benchmarks.shown import number, table

ROOT = Path(__file__).parents[1]
CLI = "from gradscribe.codegen.tool.cli import main; main()"
TIMES = 5


class Task(NamedTuple):
    """What is timed; `most`: the seconds it may take, None where nothing is set; `exits`: the code it ends with."""

    title: str
    code: str
    arguments: tuple[str, ...] = ()
    most: float | None = None
    exits: int = 0


TASKS = (
    Task("`from gradscribe.generated import Conv2D`", "from gradscribe.generated import Conv2D", (), 0.2),
    Task("`gradscribe --help`", CLI, ("--help",)),
    Task("`gradscribe list`", CLI, ("list",), 0.4),
    Task("`gradscribe derive convv2d`, a name mistyped", CLI, ("derive", "convv2d"), 0.5, 2),
    Task("`gradscribe derive conv2d`", CLI, ("derive", "conv2d"), 1.0),
    Task("`gradscribe generate conv2d`", CLI, ("generate", "conv2d", "--out", "new"), 1.0),
    Task("`gradscribe generate`, all of the catalogue", CLI, ("generate", "--out", "new"), 10.0),
)

STAGES = {
    "importing SymPy": "sympy/__init__.py:<module>",
    "reading equations": "derive/language/reading.py:read",
    "differentiating": "derive/calculus/differentiate.py:differentiate",
    "choosing how to compute (lowering)": "codegen/numpy/lower/planner.py:lower",
    "writing statements": "codegen/numpy/print/emit.py:statements",
    "writing docstrings": "codegen/numpy/function/docstring.py:function_doc",
    "memory of networks": "codegen/numpy/network/planning/memory.py:planned",
    "tables of fast correlations, and their proofs": "codegen/numpy/package/runtime.py:runtime_sources",
}
"""Functions whose time, with all that they call, is shown as a share; they do not call each other."""


def main() -> None:
    """Print both tables, and write them to the page if asked for."""
    found = "\n".join(measured())
    print(found)
    if "--publish" in sys.argv[1:]:
        write_between(ROOT / "docs" / "speed.md", found)


def measured() -> Iterator[str]:
    """Machine and date, what commands take, and where the time goes, in Markdown."""
    a = about("python -m benchmarks.tool")
    load = f"beside other work of {os.getloadavg()[0]:.1f} processes"
    yield f"Measured on {a['processor']}, {a['cores']} cores, Python {a['python']}, {a['date']}, {load}.\n"
    yield table(("command", "wall s", "processor s", "at most"), [_line(task) for task in TASKS]) + "\n"
    one, everything = (_shares(arguments) for arguments in (("generate", "conv2d"), ("generate",)))
    rows = [[stage, f"{one[stage]:.0%}", f"{everything[stage]:.0%}"] for stage in (*STAGES, "SymPy's own code")]
    yield table(("share of the time of", "`generate conv2d`", "`generate`"), rows) + "\n"


def _line(task: Task) -> list[str]:
    taken = [_cold(task) for _ in range(TIMES)]
    wall, used = (median(column) for column in zip(*taken, strict=True))
    return [task.title, number(wall), number(used), "" if task.most is None else f"{task.most:g}"]


def _cold(task: Task) -> tuple[float, float]:
    """Wall and processor seconds of a new process; the bytecode of modules is there."""
    with tempfile.TemporaryDirectory() as folder:
        before, start = os.times(), time.perf_counter()
        done = subprocess.run(
            _command(task.code, task.arguments), cwd=folder, env=_environment(), check=False, stdout=-3, stderr=-3
        )
        wall, after = time.perf_counter() - start, os.times()
        assert done.returncode == task.exits, task.title
    return wall, sum(after[2:4]) - sum(before[2:4])


def _command(code: str, arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}


def _shares(arguments: Sequence[str]) -> dict[str, float]:
    """The share of each stage in a process of its own, under a profiler."""
    with tempfile.TemporaryDirectory() as folder:
        code = "from benchmarks.tool import profile; profile()"
        done = subprocess.run(
            _command(code, (*arguments, "--out", "new")),
            cwd=folder, env=_environment(), check=True, capture_output=True, text=True,
        )  # fmt: skip
    shares: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return shares


def profile() -> None:
    """Run the command line under a profiler and print the stages' shares as JSON."""
    profiler = cProfile.Profile()
    with suppress(SystemExit):
        profiler.runctx(CLI, {}, {})
    stats = pstats.Stats(profiler)
    entries = stats.stats  # type: ignore[attr-defined]  # (file, line, name): (calls, calls, own, with callees, callers)
    whole = stats.total_tt  # type: ignore[attr-defined]
    found = {
        stage: sum(v[3] for (file, _, name), v in entries.items() if f"{file}:{name}".endswith(place)) / whole
        for stage, place in STAGES.items()
    }
    own = sum(v[2] for (file, _, _), v in entries.items() if "/sympy/" in file)
    print(json.dumps({**found, "SymPy's own code": own / whole}))


if __name__ == "__main__":
    main()
