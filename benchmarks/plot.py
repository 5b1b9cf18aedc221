"""The figure of a run: per operation the ratio to PyTorch, the share of the machine's rate, and peak memory."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.history import Results
from benchmarks.rows import Row
from benchmarks.sides import OURS, SIDES
from benchmarks.targets import THREADS

COLOURS = {"numpy": "#1f5fa8", "strict": "#7fb2e0", "compiled": "#d1731c", "PyTorch": "#777777"}
HEIGHT = 0.22  # inches a row
Values = dict[str, list[float | None]]


def draw(results: Results, path: Path, dtype: str = "float32") -> Path:
    """Draw the part of a run that the targets are for, or its first one; the same results give the same file.

    Returns:
        The file written.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    where = (dtype, THREADS) if (dtype, THREADS) in results.parts() else results.parts()[0]
    rows = results.rows(*where)
    labels = [f"{row.layer.title}, {row.operation}" for row in rows]
    with mpl.rc_context({"svg.hashsalt": "gradscribe", "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(12, 1.2 + HEIGHT * len(rows)), layout="constrained")
        ratio, share, memory = figure.subplots(1, 3, sharey=True, width_ratios=(3, 2, 2))
        _points(ratio, _ours(rows, where, results.ratio), "ratio to PyTorch")
        ratio.set_xscale("log")
        ratio.axvline(1, color=COLOURS["PyTorch"], linewidth=1)
        _points(share, _ours(rows, where, results.roofline), "share of the roofline")
        _points(memory, _memory(results, rows, where), "peak memory, MB")
        memory.set_xscale("symlog", linthresh=1)
        ratio.set_yticks(range(len(rows)), labels)
        ratio.invert_yaxis()
        figure.suptitle(f"{where[0]}, {where[1]} thread{'s' * (where[1] > 1)}; {results.about['processor']}")
        figure.savefig(path, metadata={"Date": None})
    return path


def _ours(rows: Sequence[Row], where: tuple[str, int], figure: Callable[..., float | None]) -> Values:
    return {side: [figure(row, *where, side) for row in rows] for side in OURS}


def _memory(results: Results, rows: Sequence[Row], where: tuple[str, int]) -> Values:
    """By how much a call raises the process's resident memory; of PyTorch in the layout that raises it less."""
    found: Values = {side: [results.value(row, *where, side, "rss") for row in rows] for side in OURS}
    peers = [name for name, side in SIDES.items() if side.peer == "torch"]
    theirs = [[results.value(row, *where, peer, "rss") for peer in peers] for row in rows]
    found["PyTorch"] = [min((v for v in values if v is not None), default=None) for values in theirs]
    return found


def _points(axes: Any, values: Values, title: str) -> None:
    for name, line in values.items():
        known = [(x, y) for y, x in enumerate(line) if x is not None]
        if known:
            axes.scatter(*zip(*known, strict=True), s=14, color=COLOURS[name], label=name)
    axes.set_title(title)
    axes.grid(axis="both", linewidth=0.3)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize=7)
