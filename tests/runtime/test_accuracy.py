"""Errors in float32 of the ways to compute convolutions, on plain and rectified data, against float64 tap by tap.

What `accuracy` promises of ordinary data: 6e-6 of the largest element when it is "fast", 1e-6 when it is "strict"; what
"strict" promises of every element is in test_strict.
"""

from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from gradscribe.generated.conv2d import conv2d_forward, conv2d_grad_input, conv2d_grad_weight
from gradscribe.generated.runtime.contractions import choice
from gradscribe.generated.runtime.contractions.contraction import Contraction
from gradscribe.generated.runtime.cook_toom.tables import COOK_TOOM
from gradscribe.generated.runtime.machine.configuration import has_c
from tests.cases.thorough import some

Array = np.ndarray
FAST, STRICT = 6e-6, 1e-6
LIMITS = {"winograd4": FAST, "winograd2": STRICT, "matrix": STRICT}
BACKENDS = ["numpy", pytest.param("compiled", marks=pytest.mark.skipif(not has_c(), reason="no C compiler"))]


class Shape(NamedTuple):
    """A 3x3 convolution that keeps the image's size."""

    batch: int
    size: int
    channels: int
    features: int
    dilation: int = 1

    @property
    def options(self) -> dict[str, int]:
        return {"padding": self.dilation, "dilation": self.dilation}


SHAPES = [Shape(2, 28, 128, 128), Shape(1, 15, 256, 64), Shape(2, 21, 128, 96, dilation=2), Shape(8, 40, 32, 32)]


class Problem(NamedTuple):
    """Arguments, and what is expected in float64."""

    x: Array
    w: Array
    dy: Array
    expected: dict[str, Array]


@cache
def problem(shape: Shape, rectified: bool) -> Problem:
    """Random numbers; `rectified` sets the negative ones of x to 0, and the gradient where the output is negative."""
    rng = np.random.default_rng([shape.size, rectified])
    x = rng.standard_normal((shape.batch, shape.size, shape.size, shape.channels)).astype(np.float32)
    w = rng.standard_normal((3, 3, shape.channels, shape.features)).astype(np.float32)
    dy = rng.standard_normal((*x.shape[:3], shape.features)).astype(np.float32)
    x = np.maximum(x, 0) if rectified else x
    y = tap_by_tap(x, w, dy, shape.dilation)["y"]
    dy = np.where(y > 0, dy, np.float32(0)) if rectified else dy
    return Problem(x, w, dy, tap_by_tap(x, w, dy, shape.dilation))


def tap_by_tap(x: Array, w: Array, dy: Array, dilation: int) -> dict[str, Array]:
    """The output and both gradients as they are defined, in float64."""
    size = x.shape[1]
    padded = np.pad(x.astype(np.float64), ((0, 0), (dilation, dilation), (dilation, dilation), (0, 0)))
    y, dx, dw = np.zeros(dy.shape), np.zeros_like(padded), np.zeros(w.shape)
    for r, t in product(range(3), repeat=2):
        at = np.s_[:, r * dilation : r * dilation + size, t * dilation : t * dilation + size]
        y += padded[at] @ w[r, t].astype(np.float64)
        dx[at] += dy.astype(np.float64) @ w[r, t].T.astype(np.float64)
        dw[r, t] = np.tensordot(padded[at], dy.astype(np.float64), ((0, 1, 2), (0, 1, 2)))
    return {"y": y, "dx": dx[:, dilation:-dilation, dilation:-dilation], "dw": dw}


def computed(p: Problem, options: dict[str, int]) -> dict[str, Array]:
    return {
        "y": conv2d_forward(p.x, p.w, **options),
        "dx": conv2d_grad_input(p.dy, p.w, input_shape=p.x.shape, **options),
        "dw": conv2d_grad_weight(p.dy, p.x, kernel_size=3, **options),
    }


def errors(shape: Shape, rectified: bool, taken: list[str], **settings: Any) -> dict[str, float]:
    """The greatest differences relative to the greatest element; `taken` gets the strategies that were taken."""
    p = problem(shape, rectified)

    def note(c: Contraction, compute: Any) -> None:
        way = choice.choice(c, rt.current())
        taken.append(way.strategy.name)
        compute(way)

    with rt.settings(**settings), choice.observing(note):
        found = computed(p, shape.options)
    assert all(array.dtype == np.float32 for array in found.values())
    return {name: float(np.abs(found[name] - e).max() / np.abs(e).max()) for name, e in p.expected.items()}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("rectified", [False, True], ids=["plain", "rectified"])
@pytest.mark.parametrize("strategy", LIMITS)
@pytest.mark.parametrize("shape", some(SHAPES, 1), ids=str)
def test_a_forced_strategy_keeps_its_limit(shape: Shape, strategy: str, rectified: bool, backend: str) -> None:
    taken: list[str] = []
    found = errors(shape, rectified, taken, strategy=strategy, backend=backend)
    assert taken == [strategy, "polyphase", strategy]  # whose phases are computed by the strategy
    assert max(found.values()) <= LIMITS[strategy], found


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("rectified", [False, True], ids=["plain", "rectified"])
@pytest.mark.parametrize(("accuracy", "limit"), [("fast", FAST), ("strict", STRICT)])
@pytest.mark.parametrize("shape", some(SHAPES, 1), ids=str)
def test_what_is_chosen_keeps_the_promise(
    shape: Shape, accuracy: str, limit: float, rectified: bool, backend: str
) -> None:
    taken: list[str] = []
    found = errors(shape, rectified, taken, accuracy=accuracy, backend=backend)
    assert max(found.values()) <= limit, found
    assert accuracy == "fast" or not {"winograd4", "winograd2", "banded", "fourier"} & set(taken)


@pytest.mark.parametrize("strategy", ["winograd4", "winograd2"])
def test_a_transform_is_less_accurate_than_the_definition_and_far_from_wrong(strategy: str) -> None:
    """Otherwise something else was measured."""
    exact = errors(SHAPES[0], True, [], strategy="matrix", backend="numpy")
    found = errors(SHAPES[0], True, [], strategy=strategy, backend="numpy")
    assert all(found[name] != exact[name] for name in found)
    assert found["y"] > exact["y"]


@pytest.mark.parametrize("size", some([5, 2, 7], 1))
def test_other_kernels(size: int) -> None:
    """F(4, 2), F(2, 5) and F(2, 7) are fast; strict computes them otherwise."""
    rng = np.random.default_rng(size)
    x = np.maximum(rng.standard_normal((2, 24, 24, 128)), 0).astype(np.float32)
    w = rng.standard_normal((size, size, 128, 64)).astype(np.float32)
    inner = 24 - size + 1
    expected = np.zeros((2, inner, inner, 64))
    for r, t in product(range(size), repeat=2):
        expected += x[:, r : r + inner, t : t + inner].astype(np.float64) @ w[r, t].astype(np.float64)
    for accuracy, limit in (("fast", 1.3 * COOK_TOOM[2, 7].error), ("strict", STRICT)):
        with rt.settings(accuracy=accuracy):
            found = conv2d_forward(x, w)
        assert np.abs(found - expected).max() <= limit * np.abs(expected).max()
