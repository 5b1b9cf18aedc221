"""Windows against direct indexing, and the ranges in which brackets hold against a search."""

import tracemalloc
from itertools import product
from typing import Any

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from tests.cases.subscripts import subscripts

Array = np.ndarray
Positions = tuple[tuple[Any, ...], ...]


# ----- windows --------------------------------------------------------------------------------------------------------
def by_hand(source: Array, extents: tuple[int, ...], positions: Positions) -> Array:
    out = np.zeros(extents, source.dtype)
    for point in np.ndindex(extents):
        where = tuple(start + sum(step * point[k] for k, step in moves) for start, *moves in positions)
        if all(0 <= p < e for p, e in zip(where, source.shape, strict=True)):
            out[point] = source[where]
    return out


def framed(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Random numbers with NaN all around them in memory: what reads beyond the array shows."""
    whole = np.full(tuple(e + 4 for e in shape), np.nan)
    inner = whole[tuple(slice(2, 2 + e) for e in shape)]
    inner[...] = rng.normal(size=shape)
    return inner[tuple(slice(None, None, int(rng.choice([1, -1]))) for _ in shape)]


def random_positions(rank: int, count: int, rng: np.random.Generator) -> Positions:
    """Any index in any number of axes (none, several), any sign."""
    axes = []
    for _ in range(rank):
        moves = [(k, int(rng.choice([-3, -2, -1, 1, 2, 3]))) for k in range(count) if rng.random() < 0.5]
        axes.append((int(rng.integers(-4, 7)), *moves))
    return tuple(axes)


def test_window_equals_direct_indexing() -> None:
    for seed in range(300):
        rng = np.random.default_rng(seed)
        shape = tuple(int(e) for e in rng.integers(0 if seed % 10 == 0 else 1, 6, size=rng.integers(1, 4)))
        source = framed(shape, rng)
        extents = tuple(int(e) for e in rng.integers(0 if seed % 15 == 0 else 1, 5, size=rng.integers(0, 4)))
        positions = random_positions(source.ndim, len(extents), rng)
        names = "abcd"[: len(extents)]
        view = rt.window(f"{subscripts(positions, names)} -> {' '.join(names)}", source, extents)
        assert view.dtype == source.dtype
        np.testing.assert_array_equal(view, by_hand(source, extents, positions), err_msg=f"seed {seed}")


def test_window_shares_memory_where_nothing_is_padded() -> None:
    source = np.arange(20.0).reshape(4, 5)
    view = rt.window("i+r c -> i r c", source, (3, 2, 5))
    assert np.shares_memory(view, source)
    assert not np.shares_memory(rt.window("i+0 c -> i c", source, (5, 5)), source)


def test_what_lies_between_the_elements_that_are_met_is_not_copied() -> None:
    source = np.ones((3000, 4))
    tracemalloc.start()
    try:
        view = rt.window("3i+6r c-1 -> i r c", source, (1000, 2, 5))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert view.sum() == 2 * 4 * 1000 - 2 * 4
    assert most < 1.2 * 1002 * 5 * 8


@pytest.mark.parametrize("start", [0, -1])
def test_window_is_read_only(start: int) -> None:
    view = rt.window(f"i+r+{start} c -> i r c", np.ones((4, 4)), (3, 2, 4))
    with pytest.raises(ValueError, match="read-only"):
        view[0, 0, 0] = 5


def test_window_of_a_number_repeats_it() -> None:
    np.testing.assert_array_equal(rt.window(" -> a b", np.asarray(3.0), (2, 3)), np.full((2, 3), 3.0))


# ----- slices ---------------------------------------------------------------------------------------------------------
SLOPES = (-3, -2, -1, 1, 2, 3)


def test_clip_and_span_equal_a_search() -> None:
    for length, a, b, extent in product(range(5), SLOPES, range(-6, 7), range(-1, 6)):
        inside = [v for v in range(length) if 0 <= a * v + b < extent]
        low, high = rt.clip(length, (a, b, extent))
        assert list(range(low, high)) == inside, (length, a, b, extent)
        found = list(range(20))[rt.span(a, b, low, high)]
        assert found == [a * v + b for v in inside], (length, a, b, extent)


def test_clip_with_several_brackets() -> None:
    rng = np.random.default_rng(0)
    for _ in range(3000):
        length = int(rng.integers(0, 8))
        count = int(rng.integers(0, 4))
        slopes = [int(a) for a in rng.choice((0, *SLOPES), size=count)]
        brackets = [(a, int(rng.integers(-6, 7)), int(rng.integers(-1, 7))) for a in slopes]
        inside = [v for v in range(length) if all(0 <= a * v + b < e for a, b, e in brackets)]
        low, high = rt.clip(length, *brackets)
        assert list(range(low, high)) == inside, (length, brackets)
        assert low >= 0
        assert high <= length
