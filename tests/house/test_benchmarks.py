"""The benchmarks: every side computes the same, one that fails is survived, targets and regressions are told."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import all_gradients, history, measure, report, tool
from benchmarks.classes import classes_table
from benchmarks.history import Results
from benchmarks.measure import Part
from benchmarks.reference import compute
from benchmarks.rows import ROWS, Row, arrays, select
from benchmarks.sides import OURS, SIDES, Side, Unsupported
from benchmarks.small_calls import small_calls
from benchmarks.targets import CLASSES, REST, TARGETS, THREADS
from gradscribe.codegen.driver import compile_layer
from tests.cases.together import together

SMALL = [row._replace(layer=row.layer.reduced()) for row in ROWS]
FOREIGN = ("torch", "torch-last", "jax", "onnxruntime")
SLOW = "torch.compile"


# ----- sides ----------------------------------------------------------------------------------------------------------
@cache
def reference(row: Row, dtype: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays of a row, and its results."""
    given = arrays(row.layer, dtype)
    return given, compute(row, given)


def computes_the_reference(name: str) -> None:
    side = SIDES[name]
    for package in side.needs:
        pytest.importorskip(package)
    module = side.load()
    module.start(1, **side.options)
    count = 0
    try:
        for row in SMALL:
            for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-12)):
                given, known = reference(row, dtype)
                try:
                    prepared = module.prepare(row, given)
                except Unsupported:
                    continue
                found = prepared.arrays(prepared.call())
                for key, expected in known.items():
                    assert found[key].shape == expected.shape
                    scale = np.abs(expected).max()
                    assert np.abs(found[key] - expected).max() <= tolerance * scale, (row.name, dtype, key)
                count += 1
    finally:
        if name in OURS:
            module.in_force.close()
    assert count >= 15


@pytest.mark.thorough
@together("name", [name for name in SIDES if name not in (*FOREIGN, SLOW)])
def test_every_side_computes_the_reference(name: str) -> None:
    computes_the_reference(name)


@pytest.mark.oracle
@pytest.mark.parametrize("name", FOREIGN)
def test_so_does_every_other_package(name: str) -> None:
    computes_the_reference(name)


@pytest.mark.thorough
@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch's own compiler
def test_so_does_a_step_that_pytorch_compiles() -> None:
    pytest.importorskip("torch")
    module = SIDES[SLOW].load()
    row = next(row for row in SMALL if row.layer.kind == "perceptron")
    given, known = reference(row, "float32")
    module.start(1, **SIDES[SLOW].options)
    try:
        with pytest.raises(Unsupported):
            module.prepare(SMALL[0], arrays(SMALL[0].layer, "float32"))
        prepared = module.prepare(row, given)
        try:
            found = prepared.arrays(prepared.call())
        except Exception as error:  # a machine without a C++ compiler; the benchmarks leave the side out then
            pytest.skip(f"torch.compile: {error}")
    finally:
        module.start(1, "contiguous_format")
    for key, expected in known.items():
        np.testing.assert_allclose(found[key], expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


# ----- the driver -----------------------------------------------------------------------------------------------------
@pytest.mark.thorough
def test_a_side_that_crashes_is_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIDES, "nobody", Side("nobody"))  # its process ends at once: it knows no such side
    rows = select(["LeNet: conv2*"])
    told: list[int] = []
    part = Part(1, "float32", ("numpy", "nobody", "im2col"), 3)
    lines = list(measure.run([part], rows, 0, lambda records: told.append(len(records)), reduced=True))
    records = [line for line in lines if "row" in line]
    failed = [r for r in records if "failed" in r]
    assert {r["side"] for r in failed} == {"nobody"}
    assert len(failed) == len(rows)
    assert len(records) == 3 * len(rows)
    assert told == [3] * len(rows)
    for record in records:
        if record["side"] == "numpy":
            assert record["error"] < 1e-5
            assert record["error_relu"] < 1e-5
            assert record["ms"] > 0
            assert record["scratch"] >= 0


# ----- reports of results that are made up ----------------------------------------------------------------------------
def made_up(
    ratio: Callable[[Row, str, str], float],
    dtypes: tuple[str, ...] = ("float32", "float64"),
    rows: Sequence[Row] = ROWS,
) -> Results:
    """A run in which every side of ours takes `ratio(row, dtype, side)` times as long as PyTorch's better layout."""
    lines: list[dict[str, Any]] = [
        {"date": "2026-01-01T00:00:00Z", "command": "none", "processor": "p", "cores": 2, "system": "s", "python": "3",
         "versions": {}},
        *({"rates": {"float32": 80.0, "float64": 40.0, "copy": 20.0}, "threads": n, "dtype": "float32"}
          for n in (THREADS, 1)),
    ]  # fmt: skip
    for threads, dtype in product((THREADS, 1), dtypes):
        for row in rows:
            where = {"row": row.name, "dtype": dtype, "threads": threads}
            times = {"torch": 10.0, "torch-last": 4.0, "jax": 40.0}
            times |= {side: 4.0 * ratio(row, dtype, side) for side in OURS}
            extras = {"error": 5e-7, "error_relu": 5e-7, "scratch": 9.0, "rss": 11.0}
            lines += [{**where, **extras, "side": side, "ms": t, "cpu_ms": t} for side, t in times.items()]
    return history.collect(lines)


BOUNDS = {
    ("A, fast", "mean"): 0.45, ("A, fast", "each"): 0.70, ("A, fast", "dw mean"): 0.45, ("A, fast", "error"): 6e-6,
    ("A, strict", "mean"): 1.0, ("A, strict", "each"): 1.15, ("A, strict", "error"): 2e-6,
    ("B", "mean"): 0.80, ("B", "each"): 1.10,
    ("LeNet conv1, conv2", "mean"): 0.60, ("LeNet conv1, conv2", "each"): 0.80,
    ("ResNet 3x3, 16 to 64 channels", "mean"): 0.60, ("ResNet 3x3, 16 to 64 channels", "each"): 1.0,
    ("depthwise, grouped", "mean"): 0.85, ("depthwise, grouped", "each"): 1.05,
    ("pools", "mean"): 0.45, ("pools", "each"): 0.60,
    ("all, best backend", "mean"): 0.60, ("all, best backend", "each"): 1.10, ("all, float64", "mean"): 0.45,
    ("JAX", "mean"): 0.25, ("JAX", "behind"): 2,
    ("training step, NumPy", "mean"): 0.9, ("training step, NumPy", "each"): 1.0,
    ("training step, LeNet", "mean"): 0.40, ("training step, LeNet", "each"): 0.50,
    ("training step, ResNet-20, VGG-11", "mean"): 0.70, ("training step, ResNet-20, VGG-11", "each"): 0.80,
    ("norms, softmax, attention, LSTM cell", "mean"): 0.70, ("norms, softmax, attention, LSTM cell", "each"): 1.0,
    ("perceptron's and block's step", "mean"): 0.9, ("perceptron's and block's step", "each"): 1.0,
    ("inference, batch 1", "mean"): 0.40, ("inference, batch 1", "each"): 0.50,
    ("a repeated tiny call", "mean"): 1.0,
    ("equations", "mean"): 1.0, ("equations", "each"): 2.0, ("recurrent layers", "each"): 1.5,
    ("equations, recurrent layers", "peak"): 2.0,
    ("dense 3x3, NumPy", "scratch"): 48, ("all else, NumPy", "scratch"): 24,
}  # fmt: skip


def test_every_target_is_there_and_evaluated() -> None:
    assert {(t.title, t.measure): t.most for t in TARGETS} == BOUNDS
    assert all(v.measured is not None for v in report.verdicts(made_up(lambda *_: 0.3)))


@pytest.mark.parametrize("factor", [0.999, 1.001])
def test_a_target_is_reached_just_below_its_bound(factor: float) -> None:
    for target in (t for t in TARGETS if t.measure in ("mean", "each", "dw mean")):
        own = report.verdicts(made_up(lambda *_, t=target: factor * t.most * (10 if t.peer == "jax" else 1)), [target])
        assert own[0].reached == (factor < 1), target


def test_rows_behind_are_counted() -> None:
    (target,) = (t for t in TARGETS if t.measure == "behind")
    behind = {row.name for row in ROWS[:3]}
    (verdict,) = report.verdicts(made_up(lambda row, *_: 11.0 if row.name in behind else 1.0), [target])
    assert verdict.measured == 3
    assert verdict.reached is False


def test_every_row_is_in_one_class() -> None:
    groups = [group for own in CLASSES.values() for group in own]
    assert sorted(groups) == sorted({row.layer.group for row in ROWS})


def test_classes_have_means_and_rows_ahead() -> None:
    slow = next(row.name for row in ROWS if row.layer.group == "tiny")
    table = classes_table(made_up(lambda row, *_: 2.0 if row.name == slow else 0.5))
    lines = {line.split(" | ")[0].lstrip("| "): line.split(" | ") for line in table.splitlines()}
    assert lines["dense"][1:3] == ["0.50", "3 of 3"]
    assert lines["a repeated tiny call"][2] == "2 of 3"
    rest = [row for row in ROWS if row.layer.group in REST]
    assert len(rest) == 105
    assert lines["all rows but equations"][2] == f"{len(rest) - 1} of {len(rest)}"
    assert float(lines["all rows but equations"][1]) == pytest.approx(0.5 * 4 ** (1 / len(rest)), rel=0.02)


def test_equations_are_judged_by_one_thread() -> None:
    """The target names it, and the report reads no other times."""
    several = made_up(lambda *_: 3.0)
    one = {key: {**record, "ms": record["ms"] / 10} for key, record in several.records.items() if key[2] == 1}
    slow = {key: record for key, record in several.records.items() if key[3] not in OURS}
    results = replace(several, records={**several.records, **one, **slow})
    reached = {(v.target.title, v.target.measure): v.reached for v in report.verdicts(results)}
    assert reached["equations", "mean"]
    assert reached["recurrent layers", "each"]
    assert not reached["all, best backend", "mean"]


def test_peaks_are_relative_to_the_lesser_of_pytorch() -> None:
    """The target for peak memory is told a row that takes more than twice as much, and its name."""
    results = made_up(lambda *_: 0.3)
    (target,) = (t for t in TARGETS if t.measure == "peak")
    assert report.verdicts(results, [target])[0].measured == 1
    row = next(row for row in ROWS if row.layer.group == "equations, recurrent layers")
    results.records[row.name, "float32", THREADS, "torch-last"]["rss"] = 4.0
    (verdict,) = report.verdicts(results, [target])
    assert verdict.measured == 11 / 4
    assert verdict.worst == row.name
    assert verdict.reached is False


def test_a_target_that_was_not_measured_is_said_so() -> None:
    results = made_up(lambda *_: 0.3, ("float32",))
    table = report.targets_table(results)
    (line,) = (line for line in table.splitlines() if line.startswith("| all, float64 "))
    assert "not measured" in line


def test_small_calls_are_compared_with_the_same_sums() -> None:
    for row in small_calls():
        received, expected = row.call(), row.arithmetic()
        pairs = zip(received, expected, strict=True) if isinstance(expected, tuple) else [(received, expected)]
        for one, other in pairs:
            np.testing.assert_allclose(one.reshape(other.shape), other, rtol=1e-5, atol=1e-6, err_msg=row.title)


def test_all_gradients_are_compared_with_the_single_ones() -> None:
    for row in list(all_gradients.rows())[:3]:
        apart, at_once, _ = all_gradients.calls(row, compile_layer(row.layer))
        for (one,), other in zip(apart(), at_once(), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5, err_msg=row.title)


@pytest.mark.thorough
def test_the_page_keeps_what_is_around_the_results(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    page = tmp_path / "page.md"
    marks = "<!-- results: begin -->", "<!-- results: end -->"
    page.write_text(f"before\n{marks[0]}\nold\n{marks[1]}\nafter\n", encoding="utf-8")
    everything = report.full(made_up(lambda *_: 0.3))
    assert all(row.layer.title in everything for row in ROWS)
    results = made_up(lambda *_: 0.3, rows=ROWS[::9])  # how long a figure takes goes by them
    first = report.publish(results, page)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "(page.svg)" in text
    assert report.full(results) in text
    before = [path.read_bytes() for path in first]
    assert [path.read_bytes() for path in report.publish(results, page)] == before


def test_a_page_without_marks_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match="results: begin"):
        report.publish(made_up(lambda *_: 0.3), page)


# ----- regressions ----------------------------------------------------------------------------------------------------
def test_a_regression_shows() -> None:
    before = made_up(lambda *_: 0.5)
    slow = ROWS[4].name
    after = made_up(lambda row, dtype, side: 1.0 if (row.name, side) == (slow, "numpy") else 0.5)
    changes = history.compare(before, after, 1.1, 1.4)
    worse = [change.what for change in changes if change.worse]
    assert any(slow in what for what in worse)
    assert all("numpy" in what for what in worse)
    assert not [change for change in history.compare(after, before, 1.1, 1.4) if change.worse]


def test_runs_without_a_common_row_cannot_be_compared() -> None:
    results = made_up(lambda *_: 0.5)
    with pytest.raises(ValueError, match="no row in common"):
        history.compare(replace(results, records={}), results, 1.1, 1.4)


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    record = {"row": "r", "dtype": "float32", "threads": 1, "side": "numpy", "ms": 1.5}
    lines: list[dict[str, Any]] = [{"date": "d", "versions": {}}, {"rates": {"copy": 3.0}, "threads": 1}, record]
    assert list(history.write(path, iter(lines))) == lines
    assert history.read(path) == history.collect(lines)
    path.write_text(json.dumps(lines[1]), encoding="utf-8")
    with pytest.raises(ValueError, match="first line with a date"):
        history.read(path)


# ----- the tool itself ------------------------------------------------------------------------------------------------
def test_every_stage_of_the_profile_is_a_function() -> None:
    for place in tool.STAGES.values():
        file, _, name = place.partition(":")
        if not file.startswith("sympy/"):
            assert f"def {name}(" in (tool.ROOT / file).read_text(encoding="utf-8"), place


def test_a_command_is_timed_in_a_process_of_its_own() -> None:
    wall, used = tool._cold(tool.Task("help", tool.CLI, ("--help",)))
    assert used > 0
    assert 0 < wall < 60


# ----- the command line -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("run", "--rows", "C*"), "matches no row"),
        (("run", "--sides", "tensorflow"), "tensorflow: expected some of numpy"),
        (("run", "--threads", "two"), "--threads"),
        (("run", "--dtypes", "float16"), "--dtypes"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: tuple[str, ...], part: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks", *arguments])
    with pytest.raises(SystemExit) as stop:
        command.main()
    assert stop.value.code == 1
    lines = capsys.readouterr().err.splitlines()
    assert part in lines[-1]
    assert lines[-1].startswith("benchmarks: ")
