"""What a call keeps for the next one with the same shapes: right for whatever arrays, settings and threads come then.

Results are compared with NumPy's, or with sums of products written out.
"""

import gc
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from gradscribe.generated import runtime as rt
from gradscribe.generated.max_pool2d import max_pool2d_forward
from tests.cases.contraction import Problem, draw
from tests.cases.random_contractions import problem
from tests.cases.thorough import some
from tests.runtime.rooms import forget_plans, room, set_in_all

Array = np.ndarray


def correlated(x: Array, w: Array, padding: int = 0) -> Array:
    """A 2-D correlation, channels last, by NumPy."""
    ends = (padding, padding)
    seen = sliding_window_view(np.pad(x, ((0, 0), ends, ends, (0, 0))), w.shape[:2], axis=(1, 2))
    return np.einsum("nijcrt,rtck->nijk", seen, w)


def contracted(x: Array, w: Array, padding: int = 0) -> Array:
    """The same by the runtime."""
    (n, *sizes, _), (r, t) = x.shape, w.shape[:2]
    h, v = (size + 2 * padding - kernel + 1 for size, kernel in zip(sizes, (r, t), strict=True))
    spec = f"n i+r-{padding} j+t-{padding} c, r t c k -> n i j k"
    return np.asarray(rt.contract(spec, x, w, sizes={"n": n, "i": h, "j": v}))


def drawn(seed: int, *shapes: tuple[int, ...]) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


# ----- contractions ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("padding", [0, 1])
def test_the_next_arrays_of_the_same_shape_may_lie_in_memory_otherwise(padding: int) -> None:
    """In rows or columns, backwards, in part of a larger one, read-only; and the first ones may be any of these."""
    layouts: dict[str, Callable[[Array], Array]] = {
        "rows": np.ascontiguousarray,
        "columns": np.asfortranarray,
        "backwards": lambda a: np.ascontiguousarray(a[::-1])[::-1],
        "part": lambda a: np.pad(a, 1)[(slice(1, -1),) * a.ndim],
    }
    for first in layouts:
        forget_plans()
        for seed, name in enumerate([first, *layouts, first]):
            for kept in (True, False):
                x, w = drawn(seed, (2, 5, 4, 3), (3, 2, 3, 4))
                expected = correlated(x, w, padding)
                x, w = layouts[name](x), layouts[name](w)
                x.flags.writeable = w.flags.writeable = kept
                np.testing.assert_allclose(contracted(x, w, padding), expected, rtol=1e-12, err_msg=f"{first}, {name}")
                assert x.flags.writeable == kept


@pytest.mark.parametrize("dtype", some(["float32", "float64"], 1))
def test_a_second_call_computes_what_the_first_did(dtype: str) -> None:
    """On random contractions, and the third one what is right for other numbers."""
    for seed in range(150):
        case = problem([seed, 51], np.dtype(dtype))
        found = [np.array(fresh(case).compute()) for _ in range(2)]
        np.testing.assert_array_equal(found[0], found[1], err_msg=str(case))
        other = fresh(case)
        for side in (other.left, other.right):
            if side.array.flags.writeable:
                side.array[...] = draw(np.random.default_rng(seed), side.array.shape, dtype)
        expected, scale = other.expected()
        tolerance = (1e-12 if dtype == "float64" else 6e-6) * max(scale, 1)
        np.testing.assert_allclose(other.compute(), expected, rtol=0, atol=tolerance, err_msg=str(case))


def fresh(case: Problem) -> Problem:
    """The same with a result of its own, which lies in memory as that of the case does."""
    if case.out is None:
        return case
    array = np.empty_like(case.out.array)
    if array.strides != case.out.array.strides:
        return replace(case, out=None, add=False)
    array[...] = case.out.array
    return replace(case, out=replace(case.out, array=array))


def test_settings_are_those_of_the_call() -> None:
    """Also where the same arrays were multiplied by other settings before."""
    taken: list[str] = []
    x, w = (a.astype(np.float32) for a in drawn(0, (1, 30, 30, 16), (3, 3, 16, 16)))
    choose = room("contractions.choice").choice

    def seen() -> str:
        with room("contractions.choice").observing(note):
            contracted(x, w)
        return taken[-1]

    def note(c: Any, compute: Any) -> None:
        taken.append(choose(c, rt.current()).strategy.name)
        compute(choose(c, rt.current()))

    results: dict[str, Array] = {}
    for strategy in ("matrix", "winograd2", "fourier", "matrix", "winograd2", "fourier"):
        with rt.settings(strategy=strategy, backend="numpy", threads=1):
            found = contracted(x, w)
            assert seen() == strategy
            if strategy in results:
                np.testing.assert_array_equal(found, results[strategy])
            results[strategy] = found
    assert len({found.tobytes() for found in results.values()}) == 3  # each has its own rounding
    with rt.settings(accuracy="strict", strategy="matrix", backend="numpy", threads=1):
        np.testing.assert_array_equal(contracted(x, w), results["matrix"])


def test_an_observer_sees_contractions_that_are_kept() -> None:
    x, w = drawn(1, (1, 4, 4, 2), (3, 3, 2, 3))
    expected = correlated(x, w)
    seen: list[tuple[int, ...]] = []

    def observe(c: Any, compute: Any) -> None:
        seen.append(tuple(c.extents.values()))
        compute(room("contractions.choice").choice(c, rt.current()))

    for _ in range(2):
        np.testing.assert_allclose(contracted(x, w), expected, rtol=1e-12)
    with room("contractions.choice").observing(observe):
        np.testing.assert_allclose(contracted(x, w), expected, rtol=1e-12)
    assert len(seen) == 1


def test_no_array_is_kept() -> None:
    x, w = drawn(2, (2, 9, 9, 4), (3, 3, 4, 5))
    gc.freeze()  # what other tests keep is much, and nobody looks for it here
    for strategy in ("matrix", "winograd2", "banded", "fourier", "taps"):
        with rt.settings(strategy=strategy):
            given = x.copy(), w.copy()
            result = contracted(*given)
            watched = [weakref.ref(array) for array in (*given, result)]
            del given, result
            gc.collect()
            assert [ref() for ref in watched] == [None] * 3, strategy
    gc.unfreeze()


def test_what_is_kept_is_bounded() -> None:
    kept = room("contractions.contract")._bound
    w = np.ones((2, 3))
    for n in range(1, kept.cache_info().maxsize + 20):
        rt.contract("n c, c k -> n k", np.ones((n, 2)), w)
    assert kept.cache_info().currsize == kept.cache_info().maxsize


def test_threads_share_what_is_kept() -> None:
    forget_plans()
    arrays = [drawn(seed, (1, 6, 6, 3), (3, 3, 3, 4)) for seed in range(8)]
    expected = [correlated(x, w, 1) for x, w in arrays]

    def several(number: int) -> None:
        for step in range(40):
            at = (number + step) % len(arrays)
            x, w = arrays[at]
            np.testing.assert_allclose(contracted(x, w, 1), expected[at], rtol=1e-11, atol=1e-12)

    with ThreadPoolExecutor(6) as pool:
        assert [*pool.map(several, range(12))] == [None] * 12


def test_an_empty_batch_and_axes_of_one_element() -> None:
    for n, c, k in [(0, 2, 3), (1, 1, 1), (0, 0, 1), (2, 0, 3), (1, 2, 1), (3, 1, 1)]:
        for _ in range(2):
            x, w = drawn(n, (n, 4, 4, c), (3, 3, c, k))
            np.testing.assert_allclose(contracted(x, w, 1), correlated(x, w, 1), rtol=1e-12)


def test_nan_of_one_call_is_not_in_the_next() -> None:
    """Memory that is used again holds what it held."""
    x, w = drawn(3, (1, 4, 4, 2), (3, 3, 2, 3))
    with np.errstate(invalid="ignore"):
        assert np.isnan(contracted(np.full_like(x, np.nan), w, 1)).all()
    np.testing.assert_allclose(contracted(x, w, 1), correlated(x, w, 1), rtol=1e-12)


# ----- threads --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("length", "threads"), [(1, 4), (5, 1)])
def test_one_range_or_one_thread_is_not_waited_for(length: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> Any:
        raise AssertionError("there is nothing to divide")

    set_in_all(monkeypatch, "WORTH_A_THREAD", 0.0)
    process = room("machine.process").process
    monkeypatch.setattr(process, "finish", refused)
    monkeypatch.setattr(process, "workers", refused)
    monkeypatch.setattr(process, "holds", refused)  # what asks for BLAS
    done: list[tuple[int, int]] = []
    with rt.settings(threads=threads):
        room("machine.threads").in_threads(lambda start, stop: done.append((start, stop)), length, 1, 1.0)
    assert done == [(n, n + 1) for n in range(length)]


def test_few_products_leave_blas_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    x, w = drawn(4, (1, 4, 4, 2), (3, 3, 2, 3))
    expected = correlated(x, w)

    def refused() -> Any:
        raise AssertionError("BLAS has one thread anyway")

    monkeypatch.setattr(room("machine.process").process, "holds", refused)
    np.testing.assert_allclose(contracted(x, w), expected, rtol=1e-12)


# ----- windows --------------------------------------------------------------------------------------------------------
def test_windows_of_the_next_array_of_the_same_shape() -> None:
    for seed in range(4):
        (x,) = drawn(seed, (2, 6, 6, 3))
        for given in (x, np.asfortranarray(x), np.pad(x, 1)[1:-1, 1:-1, 1:-1, 1:-1], x[::-1]):
            given = given[:]
            given.flags.writeable = seed % 2 == 0
            y, argmax = max_pool2d_forward(given, kernel_size=2)
            blocks = given.reshape(2, 3, 2, 3, 2, 3).transpose(0, 1, 3, 5, 2, 4).reshape(2, 3, 3, 3, 4)
            np.testing.assert_array_equal(y, blocks.max(axis=-1))
            np.testing.assert_array_equal(argmax, blocks.argmax(axis=-1))


def test_counts_that_are_kept_cannot_be_changed() -> None:
    found = rt.counts(3, 2, (1, 1, -1, 3))
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 7
    assert rt.counts(3, 2, (1, 1, -1, 3)).tolist() == [1, 2, 2]


@pytest.mark.parametrize("rows", [0, 1, 3, 600, 5000])
def test_a_row_is_added_to_few_and_to_many(rows: int) -> None:
    target, row = drawn(rows, (rows, 2, 3), (2, 3))
    for given in (target.copy(), np.asfortranarray(target)):
        rt.add_row(given, row)
        np.testing.assert_array_equal(given, target + row)
