"""What classes of rows take in the mean, how many rows are ahead, how near to the machine's rate, at what cost."""

from collections.abc import Sequence
from statistics import median

from benchmarks.history import Results, mean
from benchmarks.rows import Row
from benchmarks.shown import number, table
from benchmarks.targets import CLASSES, REST

DTYPE = "float32"


def classes_table(results: Results) -> str:
    """A line per class, one for all but equations: per number of threads the mean, rows ahead, share of the roofline.

    Compiling is what first calls took beyond later ones, once for a machine. Peak counts the rows whose call raises the
    process's memory by no more than PyTorch's does.
    """
    threads = [count for dtype, count in results.parts() if dtype == DTYPE]
    measured = results.rows(DTYPE, threads[0])
    lines = []
    for title, groups in (*CLASSES.items(), ("all rows but equations", REST)):
        rows = [row for row in measured if row.layer.group in groups]
        if rows:
            cells = [cell for count in threads for cell in _times(results, rows, count)]
            lines.append([title, *cells, _compiling(results, rows, threads[0]), _peak(results, rows, threads[0])])
    words = ("best/PyTorch, {}", "ahead, {}", "roofline, {}")
    header = [word.format(f"{n} thread{'s' * (n > 1)}") for n in threads for word in words]
    return table(["class", *header, "compiling, s", "peak at most PyTorch's"], lines)


def _times(results: Results, rows: Sequence[Row], threads: int) -> list[str]:
    ratios = [results.ratio(row, DTYPE, threads, "best") for row in rows]
    known = [ratio for ratio in ratios if ratio is not None]
    shares = [results.roofline(row, DTYPE, threads, "best") for row in rows]
    near = [share for share in shares if share is not None]
    ahead = f"{sum(ratio < 1 for ratio in known)} of {len(known)}" if known else ""
    return [number(mean(ratios)), ahead, f"{median(near):.0%}" if near else ""]


def _compiling(results: Results, rows: Sequence[Row], threads: int) -> str:
    """Seconds of first calls of the compiled side beyond later ones."""
    taken = [
        (
            results.value(row, DTYPE, threads, "compiled", "first_ms"),
            results.value(row, DTYPE, threads, "compiled", "ms"),
        )
        for row in rows
    ]
    beyond = [first - later for first, later in taken if first is not None and later is not None]
    return number(max(0.0, sum(beyond)) / 1e3) if beyond else ""


def _peak(results: Results, rows: Sequence[Row], threads: int) -> str:
    ratios = [results.peak_ratio(row, DTYPE, threads, "best") for row in rows]
    known = [ratio for ratio in ratios if ratio is not None]
    return f"{sum(ratio <= 1 for ratio in known)} of {len(known)}" if known else ""
