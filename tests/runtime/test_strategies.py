"""Every way to compute a contraction, forced one by one, against sums of products written out.

The strategies are taken from the runtime's tables, those that the cost model never chooses too.
"""

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from benchmarks.rows import ROWS, Layer, Row
from benchmarks.sides.ours import prepare
from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.contractions import choice
from gradscribe.generated.runtime.contractions.choice import SCATTERING
from gradscribe.generated.runtime.contractions.contraction import Contraction
from gradscribe.generated.runtime.contractions.gathering import GATHERING
from gradscribe.generated.runtime.contractions.ways import resolved
from tests.cases.contraction import Array, Problem
from tests.cases.random_contractions import problem
from tests.cases.thorough import draws, some
from tests.cases.together import together
from tests.runtime.rooms import forget_plans, set_in_all

ACCURACIES = some([("float32", "fast"), ("float32", "strict"), ("float64", "strict"), ("float64", "fast")], 1)
BACKENDS = ["numpy", "compiled"]
STRATEGIES = sorted({s.name for s in (*GATHERING, *SCATTERING)})
COMPILED = {s.name for s in (*GATHERING, *SCATTERING) if s.compiled}
WAYS = [(s, backend) for s in STRATEGIES for backend in BACKENDS if backend == "compiled" or s not in COMPILED]
"""Every strategy on every backend that has it."""
TOLERANCE = {"float64": 1e-12, "float32": 6e-6}
"""Relative to the greatest sum of absolute products."""
LEAST = draws(3, 15)
"""How many contractions a strategy has to compute at least."""
DRAWS = draws(80, 400)
MOST, MOST_COMPILED = draws(8, 60), draws(3, 24)
"""How many it computes at most, evenly chosen of those that it can; a compiler needs longer for each than the sums."""


class Forced:
    """Within it all contractions are computed by the strategy of the settings where it can; `taken` counts them."""

    def __init__(self, strategy: str) -> None:
        self.strategy = strategy
        self.taken = 0

    def __call__(self, c: Contraction, compute: object) -> None:
        way = choice.choice(c, rt.current())
        self.taken += way.strategy.name == self.strategy
        compute(way)  # type: ignore[operator]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything is large enough for threads, and no block holds all: there are several, and a last one."""
    set_in_all(monkeypatch, "WORTH_A_THREAD", 0.0)
    set_in_all(monkeypatch, "BLOCK", 256)
    set_in_all(monkeypatch, "PIECE", 256)
    set_in_all(monkeypatch, "LEAST_ROWS", 3)
    set_in_all(monkeypatch, "WORTH_WIDENING", 0)
    forget_plans()  # plans hold blocks
    yield
    forget_plans()


@cache
def strategies(seed: int, tag: int, dtype: str) -> frozenset[str]:
    """All that can compute a problem, on the backend that has all. What sets constants of the runtime has own tags."""
    seen: set[str] = set()

    def note(c: Contraction, compute: object) -> None:  # nothing is computed, nor predicted: to have a plan is enough
        backend = resolved(c, rt.current()).backend
        table = [s for s in (GATHERING if c.gathers else SCATTERING) if backend == "compiled" or not s.compiled]
        seen.update(s.name for s in table if s.name not in seen and s.plan(c) is not None)

    with rt.settings(backend="compiled"), choice.observing(note), np.errstate(all="ignore"):
        problem([seed, tag], np.dtype(dtype)).compute()
    return frozenset(seen)


def chosen(strategy: str, backend: str, seeds: range, tag: int, dtype: str) -> list[int]:
    """The seeds of the problems that the strategy is tried on: a rare one on all that it can compute."""
    able = [seed for seed in seeds if strategy in strategies(seed, tag, dtype)]
    most = MOST if backend == "numpy" else MOST_COMPILED
    number = min(most, len(able))
    return [able[k * len(able) // number] for k in range(number)]


@cache
def expectation(seed: int, tag: int, dtype: str) -> tuple[Array, float]:
    """What a problem has as its result, and the size that errors are relative to.

    The size is the greatest sum of absolute products, and at least the product of the greatest elements: where windows
    read zeros only, beyond an array's edge, a tile or a transform rounds them together with the elements beside them.
    """
    case = problem([seed, tag], np.dtype(dtype))
    expected, scale = case.expected()
    greatest = [np.abs(side.array).max(initial=0.0) for side in (case.left, case.right)]
    return expected, max(scale, float(np.prod(greatest)))


def run(strategy: str, backend: str, seeds: range, tag: int, dtype: str, accuracy: str, threads: int) -> int:
    """Compare random contractions that the strategy can compute; returns how many."""
    able = chosen(strategy, backend, seeds, tag, dtype)
    for seed in able:
        case = problem([seed, tag], np.dtype(dtype))
        expected, scale = expectation(seed, tag, dtype)
        forced = Forced(strategy)
        wanted = rt.settings(strategy=strategy, backend=backend, accuracy=accuracy, threads=threads)
        with wanted, choice.observing(forced):
            found = case.compute()
        assert forced.taken, case
        assert found.shape == expected.shape, f"seed {seed}: {case}"
        gap = float(np.max(np.abs(found - expected), initial=0.0)) / scale
        assert gap <= TOLERANCE[dtype], f"seed {seed}: {gap:.1e}: {case}"
    return len(able)


@pytest.mark.parametrize(("dtype", "accuracy"), ACCURACIES)
@pytest.mark.parametrize(("strategy", "backend"), WAYS)
def test_every_strategy_computes_what_is_written(strategy: str, backend: str, dtype: str, accuracy: str) -> None:
    assert run(strategy, backend, range(DRAWS), 1 + (accuracy == "fast"), dtype, accuracy, 1) >= LEAST


@pytest.mark.parametrize("threads", some([1, 2, 3], 1, first=1))
@pytest.mark.parametrize(("strategy", "backend"), WAYS)
@pytest.mark.usefixtures("small_blocks")
def test_every_strategy_in_blocks_and_threads(strategy: str, backend: str, threads: int) -> None:
    assert run(strategy, backend, range(DRAWS), 2 + threads, "float64", "fast", threads) >= LEAST


# ----- not a number ---------------------------------------------------------------------------------------------------
def spoilt(case: Problem, rng: np.random.Generator) -> Array | None:
    """Write NaN to one element of a factor; where the result must be NaN, or None where nothing can be written."""
    sides = [case.left, case.right]
    which = int(rng.integers(2))
    array = sides[which].array
    if not array.size or not array.flags.writeable:
        return None
    place = tuple(int(rng.integers(n)) for n in array.shape)
    marks = [replace(side, array=np.ones(side.array.shape)) for side in sides]
    marks[which] = replace(sides[which], array=np.zeros(array.shape))
    marks[which].array[place] = 1
    array[place] = np.nan
    return replace(case, left=marks[0], right=marks[1], add=False).expected()[0] > 0


@pytest.mark.parametrize(("strategy", "backend"), some(WAYS, 4))
def test_nan_is_passed_on(strategy: str, backend: str) -> None:
    """Wherever a NaN takes part in a sum; it may spread further within a tile, a band or a transform."""
    number, most = 0, MOST if backend == "numpy" else MOST_COMPILED
    for seed in (seed for seed in range(DRAWS) if strategy in strategies(seed, 2, "float32")):
        if number == most:
            break
        case = problem([seed, 2], np.float32)
        wanted = spoilt(case, np.random.default_rng(seed))
        if wanted is None or not wanted.any():
            continue
        with rt.settings(strategy=strategy, backend=backend, threads=1), np.errstate(invalid="ignore"):
            found = case.compute()
        assert np.isnan(found[wanted]).all(), f"seed {seed}: {case}"
        number += 1
    assert number >= LEAST


# ----- the same bits --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("strategy", "backend"), some(WAYS, 4, first=1))
@pytest.mark.usefixtures("small_blocks")
def test_two_threads_yield_the_same_bits_every_time(strategy: str, backend: str) -> None:
    number = 0
    for seed in chosen(strategy, backend, range(DRAWS), 4, "float64"):  # which have been compiled
        case = problem([seed, 4])
        if case.add:
            continue
        with rt.settings(strategy=strategy, backend=backend, threads=2):
            first, *others = (case.compute().tobytes() for _ in range(4))
        assert all(other == first for other in others), f"seed {seed}: {case}"
        number += 1
    assert number >= LEAST // 2


# ----- memory ---------------------------------------------------------------------------------------------------------
DENSE, ELSEWHERE = 48e6, 24e6
"""Bytes that a call may need beyond its arguments and results: convolutions 3x3 that are not depthwise, all else."""


def sized(row: Row) -> Layer:
    """The layer of a row that has a batch of images."""
    assert isinstance(row.layer, Layer)
    return row.layer


MEASURED = [row for row in ROWS if isinstance(row.layer, Layer) and row.layer.kind != "training"]
CONVOLUTIONS = [row for row in MEASURED if row.layer.kind == "conv" and sized(row).groups == 1]
"""With groups `banded` is chosen for gradients by kernels, which needs 1.6 MB an image: it is not bounded yet."""
BATCHED = [row for row in MEASURED if row.layer.kind != "max_pool" and sized(row).size < 60]
"""Of a maximum the forward function keeps the positions, which grow with the batch."""


def bound(row: Row) -> float:
    return DENSE if row.layer.kind == "conv" and sized(row).kernel == 3 else ELSEWHERE


def larger(row: Row, times: int) -> Row:
    """The row with so many times the batch."""
    return row._replace(layer=replace(sized(row), batch=times * sized(row).batch))


def shapes_only(row: Row) -> dict[str, Array]:
    """Arrays whose elements nobody reads: they take no memory."""
    return {name: np.empty(shape, np.float32) for name, shape in row.layer.shapes().items()}


@pytest.mark.thorough
@together("backend", BACKENDS)
@together("accuracy", ["fast", "strict"])
@together("row", CONVOLUTIONS, ids=lambda row: row.name)
def test_predicted_memory_is_bounded_whatever_the_batch(row: Row, accuracy: str, backend: str) -> None:
    for times in (1, 16):
        found: list[int] = []

        def note(c: Contraction, compute: object, found: list[int] = found) -> None:  # nothing is computed
            found.append(choice.choice(c, rt.current()).cost.scratch)

        with rt.settings(accuracy=accuracy, backend=backend), choice.observing(note):
            prepare(larger(row, times), shapes_only(larger(row, times))).call()
        assert len(found) == 1
        assert max(found) <= bound(row)


def peak(row: Row, backend: str) -> int:
    """Bytes that a call on two threads allocates at most, its results aside; what was kept is given back before."""
    arrays = {name: np.ones(shape, np.float32) for name, shape in row.layer.shapes().items()}
    with rt.settings(backend=backend, threads=2):
        prepared = prepare(row, arrays)
        prepared.call()
        rt.release()
        tracemalloc.start()
        result = prepared.call()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return most - sum(array.nbytes for array in prepared.arrays(result).values())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("row", some(MEASURED, 4, first=8), ids=lambda row: row.name)
def test_memory_of_a_call_is_bounded(row: Row, backend: str) -> None:
    assert peak(row, backend) <= bound(row)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("row", some(BATCHED, 3, first=5), ids=lambda row: row.name)
def test_memory_of_a_call_is_bounded_at_a_larger_batch(row: Row, backend: str) -> None:
    assert peak(larger(row, 3), backend) <= bound(row)
