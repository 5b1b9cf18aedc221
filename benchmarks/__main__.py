"""The command line: run, report, compare. A user's mistake is one line on standard error."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks import blas, history
from benchmarks.history import Results
from benchmarks.measure import Part, Record, run
from benchmarks.report import full, publish
from benchmarks.rows import select
from benchmarks.shown import number
from benchmarks.sides import GROUPS, SIDES

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Generated kernels against PyTorch, JAX, onnxruntime and textbook NumPy.",
)

DTYPES = ("float32", "float64")
LAST = Path(__file__).with_name("last.jsonl")
Cpu = Annotated[
    bool, typer.Option("--cpu", help="Show processor time instead of wall time; it means something for 1 thread.")
]
Publish = Annotated[bool, typer.Option("--publish", help="Write docs/benchmarks.md and its figure.")]
Tolerance = Annotated[float, typer.Option(min=1.0, help="A group's mean may become so many times as long.")]
Each = Annotated[float, typer.Option(min=1.0, help="A row may become so many times as long.")]
File = Annotated[Path | None, typer.Argument(help="A run's file; by default the last one kept.")]


def main() -> None:
    """Entry point."""
    try:
        app()
    except (ValueError, OSError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        raise SystemExit(1) from None


@app.command("run")
def run_rows(
    rows: Annotated[list[str] | None, typer.Option(help="Only rows whose names match, as 'A*' or '*dw'.")] = None,
    sides: Annotated[
        str | None, typer.Option(help=f"Separated by commas: {', '.join((*SIDES, 'ours', 'textbook'))}.")
    ] = None,
    threads: Annotated[str, typer.Option(help="Numbers of threads, separated by commas.")] = "2,1",
    dtypes: Annotated[str, typer.Option(help="Types, separated by commas.")] = ",".join(DTYPES),
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each side per row.")] = 7,
    minutes: Annotated[float, typer.Option(min=0, help="Three rounds where it would take longer.")] = 15.0,
    avx2: Annotated[bool, typer.Option("--avx2", help="All sides without AVX-512; implies no history.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="3 rounds and times only.")] = False,
    seed: Annotated[int, typer.Option(help="Of the order of the sides.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Where results go; a run of everything is kept in runs/.")] = None,
    publish_it: Publish = False,
    cpu: Cpu = False,
) -> None:
    """Measure, and report; without options everything, which takes some minutes."""
    console = Console(stderr=True)
    chosen = select(rows or [])
    parts = plan(sides, threads, dtypes, 3 if quick else rounds, not quick, console)
    if avx2:
        os.environ[blas.AVX2] = "1"
    selected = bool(rows or sides or quick or avx2) or (threads, dtypes) != ("2,1", ",".join(DTYPES))
    about = history.about(" ".join(["python -m benchmarks", *sys.argv[1:]]))
    path = out or (LAST if selected else history.FOLDER / f"{about['date'].replace(':', '')}.jsonl")
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with compiled_anew(not selected), Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("starting", total=len(parts) * len(chosen))

        def tell(records: list[Record]) -> None:
            if records:
                progress.console.print(one_line(records, cpu), highlight=False, soft_wrap=True)
                progress.update(task, description=f"{records[0]['dtype']}, threads {records[0]['threads']}")
            progress.advance(task)

        def entries() -> Iterator[dict[str, Any]]:
            yield about
            yield from run(parts, chosen, seed, tell, minutes)

        lines = list(history.write(path, entries()))
    show(clocked(history.collect(lines), cpu), publish_it)
    console.print(f"wrote {path}", highlight=False)


@contextmanager
def compiled_anew(everything: bool) -> Iterator[None]:
    """Whether nothing is kept of what has been compiled: then first calls take what they take on a new machine."""
    if not everything:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="gradscribe-bench-") as folder:
        os.environ["GRADSCRIBE_CACHE"] = folder
        yield


@app.command("report")
def report_run(file: File = None, publish_it: Publish = False, cpu: Cpu = False) -> None:
    """Show a run again."""
    show(clocked(history.read(file or last(1)[0]), cpu), publish_it)


@app.command("compare")
def compare_runs(
    new: File = None,
    old: Annotated[Path | None, typer.Argument(help="An earlier one; by default the one before the last.")] = None,
    tolerance: Tolerance = 1.1,
    each: Each = 1.4,
    cpu: Cpu = False,
) -> None:
    """Compare our ratios to PyTorch in two runs; exit with 1 where they have become worse beyond the tolerance."""
    paths = (old or last(1)[0], new) if new else last(2)
    before, now = (clocked(history.read(path), cpu) for path in paths)
    changes = history.compare(before, now, tolerance, each)
    worse = [change for change in changes if change.worse]
    for change in worse:
        print(f"slower: {change.what}: {change.factor:.2f} times as long as before, at most {change.most:g} expected")
    print(f"{paths[0].name} to {paths[1].name}: {len(changes)} ratios compared, {len(worse)} worse")
    raise typer.Exit(1 if worse else 0)


def plan(sides: str | None, threads: str, dtypes: str, rounds: int, extras: bool, console: Console) -> list[Part]:
    """The parts of a run: all sides where the targets are, fewer in the others unless sides are named.

    Errors and memory are measured with the first number of threads.

    Raises:
        ValueError: when an option names what is not there.
    """
    counts = [int(word) if word.isdigit() else 0 for word in threads.split(",")]
    if not all(counts):
        raise ValueError(f"--threads: expected numbers separated by commas, such as 2,1; received {threads!r}")
    kinds = dtypes.split(",")
    if not set(kinds) <= set(DTYPES):
        raise ValueError(f"--dtypes: expected {' or '.join(DTYPES)}, separated by commas; received {dtypes!r}")
    named = tuple(side for word in (sides or ",".join(SIDES)).split(",") for side in GROUPS.get(word, (word,)))
    unknown = ", ".join(sorted({side for side in named if side not in SIDES}))
    if unknown:
        raise ValueError(f"--sides: {unknown}: expected some of {', '.join((*SIDES, *GROUPS))}")
    for side in named:
        if SIDES[side].missing:
            console.print(f"{side} is left out, not installed: {', '.join(SIDES[side].missing)}", highlight=False)
    there = tuple(side for side in dict.fromkeys(named) if not SIDES[side].missing)
    parts = []
    for count in counts:
        for kind in kinds:
            first = (count, kind) == (counts[0], "float32")
            slow = () if sides or first else ("im2col", "numpy-ml", "onnxruntime", "torch.compile")
            few = () if sides or kind == "float32" else ("jax", "strict")
            kept = tuple(side for side in there if side not in (*slow, *few))
            parts.append(Part(count, kind, kept, rounds, extras and count == counts[0]))
    return parts


def one_line(records: list[Record], cpu: bool) -> str:
    """What a row has given: PyTorch's time and the ratios to it."""
    clock = "cpu_ms" if cpu else "ms"
    times = {r["side"]: r[clock] for r in records if "failed" not in r}
    torch = min((times[side] for side in GROUPS["torch"] if side in times), default=None)
    first = records[0]
    parts = [f"{first['row']} ({first['dtype']}, {first['threads']})"]
    parts.append("" if torch is None else f"PyTorch {number(torch)} ms")
    for side, time in times.items():
        if side not in GROUPS["torch"]:
            parts.append(f"{side} {number(time)} ms" if torch is None else f"{side} {time / torch:.2f}")
    parts += [f"{r['side']} FAILED: {r['failed']}" for r in records if "failed" in r]
    return "  ".join(part for part in parts if part)


def clocked(results: Results, cpu: bool) -> Results:
    """The results by the clock that is asked for."""
    return replace(results, clock="cpu_ms") if cpu else results


def show(results: Results, publish_it: bool) -> None:
    """Print the report, and write the page if asked for."""
    print(full(results))
    if publish_it:
        for path in publish(results):
            print(f"wrote {path}")


def last(count: int) -> list[Path]:
    """The last runs kept, the oldest first.

    Raises:
        ValueError: when there are fewer.
    """
    kept = history.runs()[-count:]
    if len(kept) < count:
        raise ValueError(f"expected {count} runs in {history.FOLDER}, found {len(kept)}; run: make bench")
    return kept


if __name__ == "__main__":
    main()
