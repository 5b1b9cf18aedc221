"""One mutant after the other: the tests that reach it, the quick ones first, until one fails."""

import json
import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Queue

from tests.mutants.copy import TIMEOUT, checkout_copy, pytest_in
from tests.mutants.reach import START, Reach, TimedTest
from tests.mutants.sites import Mutant

STAGES = (15.0, 60.0, 240.0)
"""Seconds of tests, in all: a mutant that outlives the first ones is tried on more."""


@dataclass(frozen=True)
class Result:
    """What became of a mutant.

    Attributes:
        key: the mutant's.
        path: its file.
        line: its line.
        operator: its kind.
        old: what stood there.
        new: what it was replaced by.
        outcome: "killed", "timeout" (of the tests, which counts as killed), "survived", or "unreached" by any test.
        by: the test that failed.
        tests: how many tests were chosen at last.
        seconds: how long it took.
    """

    key: str
    path: str
    line: int
    operator: str
    old: str
    new: str
    outcome: str
    by: str
    tests: int
    seconds: float


ALIVE = ("survived", "unreached")


def run(
    root: Path, out: Path, reach: Reach, todo: Sequence[Mutant], workers: int, stages: Sequence[float] = STAGES
) -> None:
    """Try mutants and append each result to `out`."""
    folders: Queue[Path] = Queue()
    with ExitStack() as copies, ThreadPoolExecutor(workers) as pool:
        for _ in range(workers):
            folders.put(copies.enter_context(checkout_copy(root)))
        list(pool.map(lambda m: _write(out, _in_turn(folders, reach, m, stages)), todo))  # an error is not lost


def left(out: Path, wanted: Sequence[Mutant], again: bool) -> list[Mutant]:
    """Those that were not tried yet; with `again` those too that were not noticed, as there may be new tests."""
    done = {r.key for r in results(out) if not again or r.outcome not in ALIVE}
    return [m for m in wanted if m.key not in done]


def results(out: Path) -> list[Result]:
    """The results in a file, of each mutant the last one."""
    lines = out.read_text(encoding="utf-8").splitlines() if out.exists() else []
    found = [Result(**json.loads(line)) for line in lines]
    return list({r.key: r for r in found}.values())


def _write(out: Path, result: Result) -> None:
    with out.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(result)) + "\n")
    print(f"{result.outcome:9} {result.seconds:5.0f} s  {result.key}  {result.by}", flush=True)


def _in_turn(folders: "Queue[Path]", reach: Reach, mutant: Mutant, stages: Sequence[float]) -> Result:
    folder = folders.get()
    try:
        return tried(folder, reach, mutant, stages)
    finally:
        folders.put(folder)


def tried(folder: Path, reach: Reach, mutant: Mutant, stages: Sequence[float] = STAGES) -> Result:
    """The mutant put into a copy, its tests run, and taken out again."""
    file = folder / mutant.path
    original, began = file.read_bytes(), time.perf_counter()
    before: list[TimedTest] = []
    outcome, by = "unreached", ""
    try:
        file.write_bytes(mutant.source(original))
        for cached in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
            cached.unlink()  # it is told from a stale one by the second and the size only
        for seconds in stages:
            chosen = [t for t in reach.chosen(mutant, seconds) if t not in before]
            if chosen:
                outcome, by = _outcome(folder, chosen, reach)
            before += chosen
            if outcome in ("killed", "timeout"):
                break
    finally:
        file.write_bytes(original)
        # the next run shall not take what is left for the original, either
        for cached in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
            cached.unlink()
    values = {name: getattr(mutant, name) for name in ("key", "path", "line", "operator", "old", "new")}
    return Result(**values, outcome=outcome, by=by, tests=len(before), seconds=round(time.perf_counter() - began, 1))


def _outcome(folder: Path, chosen: Sequence[TimedTest], reach: Reach) -> tuple[str, str]:
    files = list(dict.fromkeys(t.file for t in chosen))
    expected = START + sum(reach.collect[f] for f in files) + sum(t.seconds for t in chosen)
    status, text = pytest_in(folder, files, 3 * expected + 30, [t.name for t in chosen])
    if status == TIMEOUT:
        return "timeout", ""
    if status == 0:
        return "survived", ""
    if status == 4 and "ERROR" not in text:
        raise RuntimeError(f"pytest was called wrongly: {text}")
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", text, re.MULTILINE)
    return "killed", failed[0] if failed else f"exit status {status}"
