"""Tables of a run: every row of a group, and the targets beside what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.classes import classes_table
from benchmarks.history import Results, mean
from benchmarks.plot import draw
from benchmarks.rows import Row
from benchmarks.shown import number, table
from benchmarks.sides import OURS
from benchmarks.targets import TARGETS, Target

PEERS = ("torch.compile", "jax", "onnxruntime", "im2col", "numpy-ml")
NAMES = {"jax": "JAX", "torch": "PyTorch", "numpy": "NumPy"}


@dataclass(frozen=True)
class Verdict:
    """A target, what was measured, and of how many rows."""

    target: Target
    measured: float | None
    rows: int
    expected: int
    worst: str = ""

    @property
    def reached(self) -> bool | None:
        """None where nothing was measured."""
        return None if self.measured is None else self.measured <= self.target.most


def verdicts(results: Results, targets: Sequence[Target] = TARGETS) -> list[Verdict]:
    """Every target beside what was measured."""
    return [_verdict(results, target) for target in targets]


def _verdict(results: Results, target: Target) -> Verdict:
    rows = [row for row in results.rows(target.dtype, target.threads) if target.covers(row)]
    values = {row.name: _of_row(results, target, row) for row in rows}
    known = {name: value for name, value in values.items() if value is not None}
    expected = sum(target.covers(row) for row in rows)
    if not known:
        return Verdict(target, None, 0, expected)
    worst = max(known, key=lambda name: known[name])
    if target.measure.endswith("mean"):
        measured = mean(known.values())
    elif target.measure == "behind":
        measured = float(sum(value > 1 for value in known.values()))
    else:
        measured = known[worst]
    return Verdict(target, measured, len(known), expected, worst)


def _of_row(results: Results, target: Target, row: Row) -> float | None:
    where = target.dtype, target.threads, target.side
    if target.measure == "error":
        errors = [results.value(row, *where, key) for key in ("error", "error_relu")]
        return max((error for error in errors if error is not None), default=None)
    if target.measure == "scratch":
        return results.value(row, *where, "scratch")
    if target.measure == "peak":
        return results.peak_ratio(row, *where)
    return results.ratio(row, *where, target.peer)


def targets_table(results: Results) -> str:
    """One line per target: reached or not."""
    lines = []
    for v in verdicts(results):
        word = {None: "not measured", True: "reached", False: "**not reached**"}[v.reached]
        measure = _measure_words(v.target)
        rows = f"{v.rows} of {v.expected}" if v.rows != v.expected else str(v.rows)
        bound = "" if v.target.measure.endswith("mean") or v.measured is None else v.worst
        target = [v.target.title, str(v.target.threads), measure, f"{v.target.most:g}"]
        lines.append([*target, number(v.measured), word, rows, bound])
    return table(("rows", "threads", "measure", "at most", "measured", "", "rows measured", "the worst"), lines)


def _measure_words(target: Target) -> str:
    """The measure of a target, and what it is relative to."""
    peer = NAMES[target.peer]
    words = {"error": "error", "scratch": "scratch, MB", "peak": f"peak to {peer}", "behind": f"rows behind {peer}"}
    return words.get(target.measure, f"{target.measure} to {peer}")


def groups_tables(results: Results, dtype: str, threads: int) -> str:
    """A table per group of rows, with geometric means in the last line."""
    rows = results.rows(dtype, threads)
    parts = []
    for group in dict.fromkeys(row.layer.group for row in rows):
        own = [row for row in rows if row.layer.group == group]
        parts.append(f"**{group}**\n\n" + _group_table(results, own, dtype, threads))
    return "\n\n".join(parts)


def _group_table(results: Results, rows: Sequence[Row], dtype: str, threads: int) -> str:
    where = dtype, threads
    sides = [s for s in OURS if any(results.value(row, *where, s, results.clock) is not None for row in rows)]
    peers = [p for p in PEERS if any(results.peer_ms(row, *where, p) is not None for row in rows)]
    lines = []
    for row in rows:
        ratios = [results.ratio(row, *where, s) for s in sides]
        others = [results.ratio(row, *where, "best", p) for p in peers]
        errors = [results.value(row, *where, s, "error") for s in sides]
        times = [*(results.value(row, *where, s, results.clock) for s in sides), results.peer_ms(row, *where, "torch")]
        scratch = results.value(row, *where, "numpy", "scratch")
        peaks = [results.value(row, *where, s, "rss") for s in sides]
        theirs = [results.value(row, *where, s, "rss") for s in ("torch", "torch-last")]
        peak = min((m for m in theirs if m is not None), default=None)
        share = results.roofline(row, *where, "best")
        lines.append([f"{row.layer.title}, {row.operation}", *map(number, (*times, *ratios, *others, *errors)),
                      "" if share is None else f"{share:.0%}", *map(number, (scratch, *peaks, peak))])  # fmt: skip
    means = [mean(results.ratio(row, *where, s) for row in rows) for s in sides]
    rest = [mean(results.ratio(row, *where, "best", p) for row in rows) for p in peers]
    padding = [""] * (2 * len(sides) + 3)
    lines.append(["geometric mean", *[""] * (len(sides) + 1), *map(number, (*means, *rest)), *padding])
    header = ["operation", *(f"{s} ms" for s in sides), "PyTorch ms", *(f"{s}/PyTorch" for s in sides)]
    header += [f"best/{NAMES.get(p, p)}" for p in peers] + [f"error {s}" for s in sides]
    header += ["roofline", "scratch MB", *(f"{s} peak MB" for s in (*sides, "PyTorch"))]
    return table(header, lines)


def failures(results: Results) -> str:
    """What could not be measured, one line each."""
    failed = [(key, record["failed"]) for key, record in results.records.items() if "failed" in record]
    return "\n".join(
        f"- {name} ({dtype}, {threads} threads), {side}: {why}" for (name, dtype, threads, side), why in failed
    )


def summary(results: Results) -> str:
    """Machine, date and command."""
    a = results.about
    versions = ", ".join(f"{name} {number}" for name, number in a["versions"].items())
    words = (
        ("float32", "GFLOP/s float32"),
        ("float64", "GFLOP/s float64"),
        ("copy", "GB/s read and written by a copy"),
    )
    rates = [
        f"{threads} thread{'s' * (threads > 1)}: "
        + ", ".join(f"{results.rates[threads, name]:.0f} {unit}" for name, unit in words)
        for threads in sorted({threads for threads, _ in results.rates})
    ]
    return "\n".join(
        [
            f"- Machine: {a['processor']}, {a['cores']} cores, {a['system']}",
            f"- BLAS of NumPy and its kernels: {a.get('blas', 'not recorded')}",
            *(f"- Its rates with {rate}" for rate in rates),
            f"- Date: {a['date']}",
            f"- Command: `{a['command']}`",
            f"- Versions: Python {a['python']}, {versions}",
        ]
    )


def full(results: Results) -> str:
    """Everything about a run, in Markdown."""
    parts = [summary(results)]
    if any((target.dtype, target.threads) in results.parts() for target in TARGETS):
        parts.append("### Targets\n\n" + targets_table(results))
    if any(dtype == "float32" for dtype, _ in results.parts()):
        parts.append("### Classes of rows, float32\n\n" + classes_table(results))
    for dtype, threads in results.parts():
        title = f"### {dtype}, {threads} thread{'s' * (threads > 1)}"
        parts.append(f"{title}\n\n{groups_tables(results, dtype, threads)}")
    if failures(results):
        parts.append("### Not measured\n\n" + failures(results))
    return "\n\n".join(parts) + "\n"


PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def publish(results: Results, page: Path = PAGE) -> list[Path]:
    """Write the results into the page between its two marks, and the figure beside it.

    Returns:
        The files written.

    Raises:
        ValueError: when the page has not both marks.
    """
    figure = f"![Ratio to PyTorch, share of the roofline and peak memory per operation]({page.stem}.svg)"
    write_between(page, f"{figure}\n\n{full(results)}")
    return [page, draw(results, page.with_suffix(".svg"))]


def write_between(page: Path, text: str, name: str = "results") -> None:
    """Replace what stands between the two marks of that name on a page.

    Raises:
        ValueError: when the page has not both marks.
    """
    first, last = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, begin, rest = page.read_text(encoding="utf-8").partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise ValueError(f"{page}: expected the lines {first} and {last}, between which the results go")
    page.write_text(f"{before}{first}\n\n{text}\n{last}{after}", encoding="utf-8")
