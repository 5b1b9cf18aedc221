"""Runs rows on all sides in turns: one long-lived process a side, a new random order each round, medians."""

import json
import random
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from benchmarks import blas
from benchmarks.reference import compute
from benchmarks.rows import Row, arrays
from benchmarks.sides import OURS, SIDES

ROOT = Path(__file__).parents[1]
BURST = 0.03  # seconds that a side computes in its turn, if one call is not longer
SHARE = 1.0  # seconds that a side may take for a row in all rounds together
FEWEST = 3  # rounds that every side has, whatever time they take
CRASHES = 3  # a side that has crashed or hung so many times is left out from then on

Record = dict[str, Any]


class Part(NamedTuple):
    """A part of a run: these sides with so many threads on numbers of that type.

    Attributes:
        threads: of each side.
        dtype: "float32" or "float64".
        sides: by name.
        rounds: turns of each side per row.
        extras: whether errors and memory are measured besides time.
    """

    threads: int
    dtype: str
    sides: tuple[str, ...]
    rounds: int
    extras: bool = True


class Failure(Exception):
    """A side has crashed, hangs, or could not compute a row."""


class Absent(Exception):
    """A side has no such operation."""


class Process:
    """A side's process; it is started anew after a crash."""

    def __init__(self, side: str, threads: int) -> None:
        self.side, self.threads, self.crashes = side, threads, 0
        self.patience = SIDES[side].patience
        self._process: subprocess.Popen[str] | None = None
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 (closed in close)

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """One answer.

        Raises:
            Failure: when there is none.
            Absent: when the side has no such operation.
        """
        if self.crashes >= CRASHES:
            raise Failure(f"left out after {CRASHES} crashes")
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps({"do": do, **request}) + "\n")
            process.stdin.flush()
            waiting = not select.select([process.stdout], [], [], self.patience)[0]
            line = "" if waiting else process.stdout.readline()
        except OSError:
            waiting, line = False, ""
        if not line:
            reason = f"no answer in {self.patience:.0f} s" if waiting else self._last_words()
            self._stop()
            self.crashes += 1
            raise Failure(reason)
        answer: dict[str, Any] = json.loads(line)
        if "unsupported" in answer:
            raise Absent(answer["unsupported"])
        if "failed" in answer:
            raise Failure(answer["failed"])
        return answer

    def close(self) -> None:
        """End the process."""
        self._stop()
        self._log.close()

    def _started(self) -> "subprocess.Popen[str]":
        if self._process is None:
            count = str(self.threads)
            names = ("OPENBLAS", "OMP", "MKL")
            environment = {**blas.environment(), **{f"{name}_NUM_THREADS": count for name in names}}
            environment |= {"NPROC": count, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
            if self.threads == 1:
                environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
            command = [sys.executable, "-m", "benchmarks.worker", self.side, count]
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=self._log, text=True, env=environment, cwd=ROOT
            )
        return self._process

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _last_words(self) -> str:
        assert self._process is not None
        code = self._process.wait()
        self._log.seek(0)
        lines = [line.strip() for line in self._log if line.strip()]
        return f"the process ended with code {code}" + (f": {lines[-1][:200]}" if lines else "")


@contextmanager
def processes(sides: Sequence[str], threads: int) -> Iterator[dict[str, Process]]:
    """The processes of some sides, ended at the end."""
    with ExitStack() as stack:
        started = {side: Process(side, threads) for side in sides}
        for process in started.values():
            stack.callback(process.close)
        yield started


def run(
    parts: Sequence[Part],
    rows: Sequence[Row],
    seed: int,
    tell: Callable[[list[Record]], None],
    minutes: float = 60.0,
    reduced: bool = False,
) -> Iterator[Record]:
    """Measure all rows in all parts.

    Args:
        parts: what to measure.
        rows: likewise.
        seed: of the order of the sides.
        tell: is given the records of each row when it is done.
        minutes: where these would be exceeded, there are fewer rounds; once they are over, one and nothing besides.
        reduced: whether layers, and what the machine's rates are taken from, have sizes that take no time, for tests.

    Yields:
        The records: one per row and side, and one per part and number of threads with the machine's rates.
    """
    order = random.Random(seed)
    end, left = time.monotonic() + 60 * minutes, len(parts) * len(rows)
    for threads in dict.fromkeys(part.threads for part in parts):
        own = [part for part in parts if part.threads == threads]
        names = dict.fromkeys(side for part in own for side in part.sides)
        with processes(tuple(names), threads) as sides, processes(("numpy",), threads) as machine:
            for part in own:
                yield from _rates(machine["numpy"], part, reduced)
                for row in rows:
                    until = time.monotonic() + (end - time.monotonic()) / left
                    left -= 1
                    hurried = part if time.monotonic() < end else part._replace(rounds=1, extras=False)
                    records = _measured(row, hurried, sides, order, until, reduced)
                    tell(records)
                    yield from records
            yield from _rates(machine["numpy"], own[-1], reduced)


def _rates(machine: Process, part: Part, reduced: bool) -> Iterator[Record]:
    """What the machine can do at present; nothing if that cannot be measured."""
    with suppress(Failure):
        yield {"rates": machine.ask("rates", reduced=reduced), "threads": part.threads, "dtype": part.dtype}


def _measured(
    row: Row, part: Part, sides: dict[str, Process], order: random.Random, until: float, reduced: bool
) -> list[Record]:
    found: dict[str, Record] = {}
    times: dict[str, list[dict[str, Any]]] = {}

    def turn(side: str) -> None:
        times[side].append(sides[side].ask("time", seconds=BURST))

    def memory(side: str) -> None:
        found[side] |= sides[side].ask("memory")

    for side in order.sample(part.sides, len(part.sides)):
        record: Record = {"row": row.name, "dtype": part.dtype, "threads": part.threads, "side": side}
        try:
            answer = sides[side].ask("prepare", name=row.name, dtype=part.dtype, reduced=reduced)
        except Absent:
            continue
        except Failure as failure:
            found[side] = {**record, "failed": str(failure)}
            continue
        found[side], times[side] = {**record, **answer}, []
    for number in range(part.rounds):
        if number >= FEWEST and time.monotonic() > until:
            break
        for side in order.sample(list(times), len(times)):
            if number < min(SIDES[side].rounds, max(FEWEST, SHARE * 1e3 / max(found[side]["ms"], 1e-6))):
                _attempt(found, times, side, turn)
    for side in list(times):
        for key in ("ms", "cpu_ms"):
            found[side][key] = median(answer[key] for answer in times[side])
        found[side]["least_ms"] = min(answer["ms"] for answer in times[side])
        if part.extras and _is_judged(side):
            _attempt(found, times, side, memory)
    if part.extras:
        for relu in (False, True) if row.layer.kind == "conv" else (False,):
            _check(row, part, sides, found, times, relu, reduced)
    return [_rounded(found[side]) for side in part.sides if side in found]


def _is_judged(side: str) -> bool:
    """Whether the report has the memory of a side: ours, and the one that targets are relative to."""
    return side in OURS or SIDES[side].peer == "torch"


def _attempt(
    found: dict[str, Record], times: dict[str, list[dict[str, Any]]], side: str, action: Callable[[str], None]
) -> None:
    """Do something with a side; one that fails is out for this row."""
    if side not in times:
        return
    try:
        action(side)
    except Failure as failure:
        found[side]["failed"] = str(failure)
        del times[side]


def _check(
    row: Row,
    part: Part,
    sides: dict[str, Process],
    found: dict[str, Record],
    times: dict[str, list[dict[str, Any]]],
    relu: bool,
    reduced: bool,
) -> None:
    layer = row.layer.reduced() if reduced else row.layer
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reference.npz"
        expected: Mapping[str, Any] = compute(row._replace(layer=layer), arrays(layer, part.dtype, relu))
        np.savez(path, allow_pickle=False, **expected)
        key = "error_relu" if relu else "error"

        def check(side: str) -> None:
            found[side][key] = sides[side].ask("check", reference=str(path), relu=relu)["error"]

        for side in [side for side in times if not relu or side in OURS]:
            _attempt(found, times, side, check)


def _rounded(record: Record) -> Record:
    """Four digits are more than a time has."""
    return {key: float(f"{value:.4g}") if isinstance(value, float) else value for key, value in record.items()}
