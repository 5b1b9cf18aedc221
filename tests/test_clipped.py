"""Windows that leave their arrays: what lies outside is clipped, and no call needs memory for padding.

Results are compared with sums of products written out, and with the one window left where all others are outside.
"""

import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from generated import runtime as rt
from generated.conv2d import conv2d_forward, conv2d_grad_input, conv2d_grad_weight
from generated.conv_transpose2d import (
    conv_transpose2d_forward,
    conv_transpose2d_grad_input,
    conv_transpose2d_grad_weight,
)
from generated.depthwise_conv2d import (
    depthwise_conv2d_forward,
    depthwise_conv2d_grad_input,
    depthwise_conv2d_grad_weight,
)
from generated.max_pool2d import max_pool2d_forward, max_pool2d_grad_input
from tests.random_contractions import Array, problem

BACKENDS = ["numpy", pytest.param("compiled", marks=pytest.mark.skipif(not rt.has_numba(), reason="no numba"))]


@pytest.fixture
def no_padding(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Wherever a window leaves its array every tap is a piece of its own, and results come in several blocks."""
    monkeypatch.setattr(rt, "MOST_PADDED", 0)
    monkeypatch.setattr(rt, "BLOCK", 16)
    rt._pieces.cache_clear()
    rt._ways.cache_clear()
    yield
    rt._pieces.cache_clear()
    rt._ways.cache_clear()


@pytest.mark.usefixtures("no_padding")
@pytest.mark.parametrize("backend", BACKENDS)
def test_pieces_are_the_whole(backend: str) -> None:
    pieces = 0
    for seed in range(500):
        case = problem([seed, 31])
        expected, scale = case.expected()

        def count(c: rt.Contraction, compute: Any) -> None:
            nonlocal pieces
            pieces += 1
            compute(rt.choice(c, rt.current()))

        with rt.settings(backend=backend, threads=1), rt.observing(count):
            found = case.compute()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * max(scale, 1), err_msg=f"seed {seed}: {case}")
    assert pieces > 1000


def test_ranges_are_those_of_what_is_inside() -> None:
    """`_reaching` against trying every value."""
    rng = np.random.default_rng(0)
    for _ in range(2000):
        step = int(rng.choice([-7, -3, -2, -1, 1, 2, 3, 7]))
        low, high = sorted(int(v) for v in rng.integers(-40, 40, size=2))
        size = int(rng.integers(1, 12))
        inside = [v for v in range(-60, 61) if step * v + high >= 0 and step * v + low < size]
        first, stop = rt._reaching(step, low, high, size)
        assert inside == list(range(first, stop)), (step, low, high, size)


# ----- memory and time ------------------------------------------------------------------------------------------------
FAR = [2**5, 2**12, 2**40, 2**62]
"""Dilations, and paddings as wide: of a window of 3 taps only the one in the middle lies inside."""
BYTES = 1 << 20


def bounded(call: Callable[[], Any], most: int = BYTES) -> Any:
    """What `call` returns; it may allocate so many bytes."""
    tracemalloc.start()
    try:
        found = call()
        assert tracemalloc.get_traced_memory()[1] <= most
    finally:
        tracemalloc.stop()
    return found


@pytest.fixture
def warm() -> None:
    """What is loaded and compiled once does not count."""
    for backend in ("numpy", "compiled") if rt.has_numba() else ("numpy",):
        with rt.settings(backend=backend):
            for kind in KINDS:
                kind.calls(np.random.default_rng(0), 2**5)


@dataclass(frozen=True)
class Kind:
    """A layer with windows on a 6x6 image: its calls, and what they are without the taps outside."""

    name: str
    calls: Callable[[np.random.Generator, int], tuple[Array, ...]]


def convolved(rng: np.random.Generator, far: int) -> tuple[Array, ...]:
    x, w = rng.normal(size=(2, 6, 6, 3)), rng.normal(size=(3, 3, 3, 4))
    dy = rng.normal(size=(2, 6, 6, 4))
    options = {"dilation": far, "padding": far}
    middle = w[1, 1]
    dw = np.zeros_like(w)
    dw[1, 1] = np.einsum("nijc,nijk->ck", x, dy)
    return (
        conv2d_forward(x, w, **options) - x @ middle,
        conv2d_grad_input(dy, w, input_shape=x.shape, **options) - dy @ middle.T,
        conv2d_grad_weight(dy, x, kernel_size=3, **options) - dw,
    )


def transposed(rng: np.random.Generator, far: int) -> tuple[Array, ...]:
    x, w = rng.normal(size=(2, 6, 6, 3)), rng.normal(size=(3, 3, 4, 3))
    dy = rng.normal(size=(2, 6, 6, 4))
    options = {"dilation": far, "padding": far}
    middle = w[1, 1]
    dw = np.zeros_like(w)
    dw[1, 1] = np.einsum("nijc,nijk->kc", x, dy)
    return (
        conv_transpose2d_forward(x, w, **options) - x @ middle.T,
        conv_transpose2d_grad_input(dy, w, input_shape=x.shape, **options) - dy @ middle,
        conv_transpose2d_grad_weight(dy, x, kernel_size=3, **options) - dw,
    )


def depthwise(rng: np.random.Generator, far: int) -> tuple[Array, ...]:
    x, w = rng.normal(size=(2, 6, 6, 3)), rng.normal(size=(3, 3, 3, 1))
    dy = rng.normal(size=(2, 6, 6, 3))
    options = {"dilation": far, "padding": far}
    middle = w[1, 1, :, 0]
    dw = np.zeros_like(w)
    dw[1, 1, :, 0] = np.einsum("nijc,nijc->c", x, dy)
    return (
        depthwise_conv2d_forward(x, w, **options) - x * middle,
        depthwise_conv2d_grad_input(dy, w, input_shape=x.shape, **options) - dy * middle,
        depthwise_conv2d_grad_weight(dy, x, kernel_size=3, **options) - dw,
    )


def pooled(rng: np.random.Generator, far: int) -> tuple[Array, ...]:
    x, dy = rng.normal(size=(2, 6, 6, 3)), rng.normal(size=(2, 6, 6, 3))
    options: dict[str, Any] = {"kernel_size": 3, "stride": 1, "dilation": far, "padding": far}
    y, argmax = max_pool2d_forward(x, **options)
    return (y - x, argmax - 4, max_pool2d_grad_input(dy, argmax, input_shape=x.shape, **options) - dy)


KINDS = [Kind("conv", convolved), Kind("transposed", transposed), Kind("depthwise", depthwise), Kind("max", pooled)]


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("far", FAR)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_taps_far_out_cost_nothing(kind: Kind, far: int, backend: str) -> None:
    rng = np.random.default_rng(3)
    with rt.settings(backend=backend):
        for difference in bounded(lambda: kind.calls(rng, far)):
            np.testing.assert_allclose(difference, 0, atol=1e-12)
