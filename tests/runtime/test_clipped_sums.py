"""Channel by channel nothing is copied: sums end where windows leave. And columns that do not fill a vector."""

import importlib
from typing import Any

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.contractions.gathering import gathering_ways
from gradscribe.generated.runtime.contractions.strategies.direct import direct_plan
from gradscribe.generated.runtime.contractions.strategies.polyphase import phases_of
from gradscribe.generated.runtime.contractions.ways import WORTH_COMPILING, resolved
from gradscribe.generated.runtime.machine.native.library import available
from tests.cases.thorough import draws
from tests.runtime.convolutions import DIRECTIONS, Array, Convolution

CHANNELS = (1, 2, 3, 15, 16, 17, 31, 33, 64, 100)
"""Fewer than a vector has lanes, whole vectors, and others."""
TOLERANCE: dict[Any, float] = {np.float32: 2e-6, np.float64: 1e-13}

pytestmark = pytest.mark.skipif(not available(), reason="there is no compiler")


def drawn(rng: np.random.Generator, features: bool) -> Convolution:
    """Windows that may be wider than the image, and paddings than the windows."""
    while True:
        n, size, kernel = int(rng.integers(1, 4)), int(rng.integers(1, 14)), int(rng.integers(1, 6))
        stride, dilation, padding = int(rng.integers(1, 4)), int(rng.integers(1, 4)), int(rng.integers(0, 5))
        c = int(rng.choice(CHANNELS))
        k = int(rng.choice(CHANNELS)) if features else 0
        conv = Convolution(n, size, c, k, kernel, stride, padding, dilation)
        if size + 2 * padding > dilation * (kernel - 1):
            return conv


def compared(conv: Convolution, dtype: Any, rng: np.random.Generator) -> None:
    """Each direction against plain products, tap by tap."""
    x, w, y = (rng.standard_normal(shape).astype(dtype) for shape in conv.shapes)
    for direction, place in zip(DIRECTIONS, (2, 0, 1), strict=True):
        given: list[Array] = [x.copy(), w.copy(), y.copy()]
        expected = conv.expected(direction, *given)
        given[place][...] = np.nan
        found = conv.computed(direction, *given)
        scale = max(1.0, float(np.abs(expected).max(initial=0)))
        np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[dtype] * 8 * scale, err_msg=f"{conv}")


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_channel_by_channel(dtype: Any, threads: int) -> None:
    rng = np.random.default_rng(draws(1, threads))  # of few the same for all threads: they are compiled once
    with rt.settings(backend="compiled", threads=threads):
        for _ in range(draws(3, 40)):
            compared(drawn(rng, features=False), dtype, rng)


@pytest.mark.parametrize("strategy", ["direct", None])
def test_columns_that_fill_no_vector(strategy: str | None) -> None:
    rng = np.random.default_rng(3)
    with rt.settings(backend="compiled", strategy=strategy):
        for _ in range(draws(3, 30)):
            compared(drawn(rng, features=True), np.float32, rng)


@pytest.mark.parametrize("conv", [Convolution(2, 9, 17, 0, 3, 1, 1), Convolution(1, 6, 64, 0, 5, 2, 3, 2)])
def test_nothing_is_copied(conv: Convolution) -> None:
    plan = direct_plan(conv.described("forward"))
    assert plan is not None
    assert plan.schedule.clips
    assert plan.schedule.box is None
    assert "sums end with the first factor" in str(plan)


@pytest.mark.parametrize(
    "conv",
    [Convolution(1, 23, 33, 0, 11, 1, 5), Convolution(2, 29, 17, 0, 3, 1, 1), Convolution(1, 21, 100, 0, 4, 2, 3, 2)],
)
def test_rows_share_what_they_read(conv: Convolution) -> None:
    plan = direct_plan(conv.described("forward"))
    assert plan is not None
    assert "rows share what they read" in str(plan)
    with rt.settings(backend="compiled", strategy="direct"):
        for dtype in (np.float32, np.float64):
            compared(conv, dtype, np.random.default_rng(7))


def test_rows_of_a_tile_may_all_have_fewer_summands() -> None:
    """Images of one place: the rows of a tile are those of several images, which windows leave at the same places."""
    conv = Convolution(2, 1, 17, 0, 5, 1, 3)
    with rt.settings(backend="compiled", strategy="direct"):
        compared(conv, np.float32, np.random.default_rng(8))


def test_a_part_is_computed_by_loops_where_the_whole_is_worth_them() -> None:
    """A gradient by an input in steps is several contractions, each of which would be too small for a compiler."""
    c = Convolution(8, 56, 64, 0, 3, 2, 1).described("dx")
    worth = resolved(c, rt.current())
    assert worth.backend == "compiled"
    phases = phases_of(c)
    assert phases
    assert all(p.gather and p.gather.products < WORTH_COMPILING for p in phases[:-1])
    assert all(gathering_ways(p.gather, worth)[0].strategy.compiled for p in phases if p.gather)


def test_a_kernel_that_windows_leave_is_not_transformed() -> None:
    """The gradient by x, seen as windows over the kernel, read what lies behind it."""
    module = importlib.import_module("gradscribe.generated.conv2d")
    rng = np.random.default_rng(0)
    w = rng.standard_normal((4, 3, 1, 1)).astype(np.float32)
    options = {"stride": 2, "padding": (1, 3), "input_shape": (1, 12, 5, 1)}
    dy = rng.standard_normal((1, 6, 5, 1)).astype(np.float32)
    with rt.settings(backend="numpy"):
        expected = module.conv2d_grad_input(dy, w, **options)
    with rt.settings(backend="compiled"):
        np.testing.assert_allclose(module.conv2d_grad_input(dy, w, **options), expected, rtol=0, atol=1e-5)
