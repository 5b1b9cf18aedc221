"""Results of runs as JSON lines, read with what the report asks of them; and the comparison of two runs."""

import json
import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from math import exp, log
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import blas
from benchmarks.rows import ROWS, Row
from benchmarks.sides import OURS, SIDES

FOLDER = Path(__file__).with_name("runs")
PAGE = 4096 / 1e6
"""MB of a page of memory."""
PACKAGES = ("numpy", "torch", "jax", "onnxruntime")


@dataclass(frozen=True)
class Results:
    """A run.

    Attributes:
        about: machine, date, command, versions.
        rates: what the machine can do: GFLOP/s and GB/s by (threads, name).
        records: by row, type, threads and side; one that failed has no times.
        clock: "ms" for wall time, "cpu_ms" for processor time.
    """

    about: dict[str, Any]
    rates: dict[tuple[int, str], float]
    records: dict[tuple[str, str, int, str], dict[str, Any]]
    clock: str = "ms"

    def rows(self, dtype: str, threads: int) -> list[Row]:
        """The rows measured in that part, in the order of the catalogue."""
        names = {name for name, kind, number, _ in self.records if (kind, number) == (dtype, threads)}
        return [row for row in ROWS if row.name in names]

    def parts(self) -> list[tuple[str, int]]:
        """Type and threads of each part, in the order of measuring."""
        return list(dict.fromkeys((dtype, threads) for _, dtype, threads, _ in self.records))

    def value(self, row: Row, dtype: str, threads: int, side: str, key: str) -> float | None:
        """What was measured, or None; "best" is the better of our sides that are as accurate, per row."""
        if side == "best":
            sides = [s for s in ("numpy", "compiled") if self.value(row, dtype, threads, s, self.clock) is not None]
            if not sides:
                return None
            side = min(sides, key=lambda s: self.value(row, dtype, threads, s, self.clock) or 0.0)
        record = self.records.get((row.name, dtype, threads, side), {})
        found: float | None = None if "failed" in record else record.get(key)
        return found

    def peer_ms(self, row: Row, dtype: str, threads: int, peer: str) -> float | None:
        """The time of a peer, in its better way."""
        sides = [name for name, side in SIDES.items() if side.peer == peer]
        times = [self.value(row, dtype, threads, side, self.clock) for side in sides]
        return min((t for t in times if t is not None), default=None)

    def ratio(self, row: Row, dtype: str, threads: int, side: str, peer: str = "torch") -> float | None:
        """Our time by the peer's; below 1 is faster."""
        ours, theirs = self.value(row, dtype, threads, side, self.clock), self.peer_ms(row, dtype, threads, peer)
        return ours / theirs if ours is not None and theirs else None

    def peak_ratio(self, row: Row, dtype: str, threads: int, side: str) -> float | None:
        """Our peak memory by that of PyTorch in its better layout, which is a page at least: these are counted."""
        ours = self.value(row, dtype, threads, side, "rss")
        theirs = [self.value(row, dtype, threads, name, "rss") for name, s in SIDES.items() if s.peer == "torch"]
        known = [peak for peak in theirs if peak is not None]
        return ours / max(PAGE, min(known)) if ours is not None and known else None

    def roofline(self, row: Row, dtype: str, threads: int, side: str) -> float | None:
        """The share of the machine's rate: the least time by arithmetic or by memory, over the time taken."""
        taken = self.value(row, dtype, threads, side, self.clock)
        flops, copy = (self.rates.get((threads, name)) for name in (dtype, "copy"))
        least = row.bytes(4 if dtype == "float32" else 8)
        if not taken or not flops or not copy or not least:
            return None
        return max(row.flops / flops, least / copy) / 1e6 / taken


def about(command: str) -> dict[str, Any]:
    """Where and when a run is made."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "command": command,
        "processor": _processor(),
        "blas": blas.described(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": versions,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def write(path: Path, lines: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Write each line as it comes, so that an interrupted run leaves what it has; passes them on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
            file.flush()
            yield line


def read(path: Path) -> Results:
    """The results of a run.

    Raises:
        ValueError: when the file holds none.
    """
    with path.open(encoding="utf-8") as file:
        try:
            lines = [json.loads(line) for line in file if line.strip()]
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}: expected one JSON object per line; {error}") from None
    return collect(lines, str(path))


def collect(lines: Sequence[dict[str, Any]], name: str = "results") -> Results:
    """Results from the lines of a run: what it is about, rates, records."""
    if not lines or "date" not in lines[0]:
        raise ValueError(f"{name}: expected the results of a run, its first line with a date; run it again")
    rates: dict[tuple[int, str], list[float]] = {}
    records = {}
    for line in lines[1:]:
        for key, rate in line.get("rates", {}).items():
            rates.setdefault((line["threads"], key), []).append(rate)
        if "row" in line:
            records[line["row"], line["dtype"], line["threads"], line["side"]] = line
    return Results(lines[0], {key: median(found) for key, found in rates.items()}, records)


def runs() -> list[Path]:
    """The runs kept, the oldest first."""
    return sorted(FOLDER.glob("*.jsonl"))


def mean(values: Iterable[float | None]) -> float | None:
    """The geometric mean of those that are there."""
    known = [value for value in values if value]
    return exp(sum(map(log, known)) / len(known)) if known else None


@dataclass(frozen=True)
class Change:
    """How our ratio to PyTorch has changed: 1.2 is a fifth slower than before."""

    what: str
    factor: float
    most: float

    @property
    def worse(self) -> bool:
        """Whether it is beyond what measuring explains."""
        return self.factor > self.most


def compare(old: Results, new: Results, tolerance: float, each: float) -> list[Change]:
    """Ratios to PyTorch of two runs, by group and by row, of what both have measured.

    Ratios, because both sides of one run meet the same machine. A row is good to 15 %, a mean to 5 %.

    Args:
        old: the earlier run.
        new: the later run.
        tolerance: the greatest factor for the geometric mean of a group.
        each: the greatest factor for a row.

    Raises:
        ValueError: when the runs have no row in common.
    """
    changes = []
    for dtype, threads in new.parts():
        for side in OURS:
            factors: dict[str, list[float]] = {}
            part = f"{dtype}, {threads} thread{'s' * (threads > 1)}, {side}"
            for row in new.rows(dtype, threads):
                before, now = (run.ratio(row, dtype, threads, side) for run in (old, new))
                if before and now:
                    factors.setdefault(row.layer.group, []).append(now / before)
                    changes.append(Change(f"{row.name} ({part})", now / before, each))
            for group, found in factors.items():
                changes.append(Change(f"{group}, mean of {len(found)} ({part})", mean(found) or 1.0, tolerance))
    if not changes:
        raise ValueError("the two runs have no row in common that has a ratio to PyTorch")
    return changes
