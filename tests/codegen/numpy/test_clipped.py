"""Windows that leave their arrays: what lies outside is clipped, and no call needs memory for padding.

Results are compared with sums of products written out, and with the one window left where all others are outside.
"""

import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from gradscribe.generated.avg_pool2d import avg_pool2d_forward, avg_pool2d_grad_input
from gradscribe.generated.conv2d import conv2d_forward, conv2d_grad_input, conv2d_grad_weight
from gradscribe.generated.conv_transpose2d import (
    conv_transpose2d_forward,
    conv_transpose2d_grad_input,
    conv_transpose2d_grad_weight,
)
from gradscribe.generated.depthwise_conv2d import (
    depthwise_conv2d_forward,
    depthwise_conv2d_grad_input,
    depthwise_conv2d_grad_weight,
)
from gradscribe.generated.max_pool2d import max_pool2d_forward, max_pool2d_grad_input
from gradscribe.generated.runtime.arithmetic.ranges import reaching
from gradscribe.generated.runtime.contractions import choice
from gradscribe.generated.runtime.contractions.contraction import Contraction
from gradscribe.generated.runtime.machine.compiled import MOST_COUNTED
from gradscribe.generated.runtime.machine.configuration import has_c
from tests.cases.contraction import Array
from tests.cases.random_contractions import problem
from tests.cases.thorough import THOROUGH, draws, some
from tests.runtime.rooms import forget_plans, set_in_all

BACKENDS = ["numpy", pytest.param("compiled", marks=pytest.mark.skipif(not has_c(), reason="no C compiler"))]
DRAWS, SCATTERED = range(draws(8, 120)), range(draws(60, 300))
COMPILED_DRAWS = range(12) if THOROUGH else (5, 16)
COMPILED_SCATTERED = range(60) if THOROUGH else (5, 7, 12, 43, 49, 53)
"""Every piece is compiled: a sample is of contractions that have several pieces, or parts, but few."""


@pytest.fixture
def no_padding(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Wherever a window leaves its array every tap is a piece of its own, and results come in several blocks."""
    set_in_all(monkeypatch, "MOST_PADDED", 0)
    set_in_all(monkeypatch, "BLOCK", 16)
    forget_plans()
    yield
    forget_plans()


@pytest.mark.usefixtures("no_padding")
@pytest.mark.parametrize("backend", BACKENDS)
def test_pieces_are_the_whole(backend: str) -> None:
    pieces = 0
    seeds = DRAWS if backend == "numpy" else COMPILED_DRAWS
    for seed in seeds:
        case = problem([seed, 31])
        expected, scale = case.expected()

        def count(c: Contraction, compute: Any) -> None:
            nonlocal pieces
            pieces += 1
            compute(choice.choice(c, rt.current()))

        with rt.settings(backend=backend, threads=1), choice.observing(count):
            found = case.compute()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * max(scale, 1), err_msg=f"seed {seed}: {case}")
    assert pieces > 2 * len(seeds)


def test_a_number_is_the_result_of_a_window_that_leaves_its_array() -> None:
    """A number has no part that could be written to but itself."""
    x, factor = np.array([1.0, 2.0]), np.array([1.0, 2.0])
    for add, start in ((False, 7.0), (True, 7.0)):
        out = np.array(start)
        rt.contract("a, w+0 -> ", factor, x, out=out, sizes={"w": 4}, add=add)
        assert out == 9.0 + (start if add else 0.0)


def test_ranges_are_those_of_what_is_inside() -> None:
    """`_reaching` against trying every value."""
    rng = np.random.default_rng(0)
    for _ in range(2000):
        step = int(rng.choice([-7, -3, -2, -1, 1, 2, 3, 7]))
        low, high = sorted(int(v) for v in rng.integers(-40, 40, size=2))
        size = int(rng.integers(1, 12))
        inside = [v for v in range(-60, 61) if step * v + high >= 0 and step * v + low < size]
        first, stop = reaching(step, low, high, size)
        assert inside == list(range(first, stop)), (step, low, high, size)


@pytest.mark.parametrize("backend", BACKENDS)
def test_products_are_scattered_in_parts(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few are computed at a time."""
    set_in_all(monkeypatch, "MOST_SCATTERED", 8)
    set_in_all(monkeypatch, "BLOCK", 16)
    forget_plans()
    parts = 0

    def count(c: Contraction, compute: Any) -> None:
        nonlocal parts
        way = choice.choice(c, rt.current())
        parts += way.strategy.name == "scatter" and len(way.plan.inner) > 1
        compute(way)

    for seed in SCATTERED if backend == "numpy" else COMPILED_SCATTERED:
        case = problem([seed, 37])
        expected, scale = case.expected()
        with rt.settings(backend=backend, strategy="scatter", threads=1 + seed % 2), choice.observing(count):
            found = case.compute()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * max(scale, 1), err_msg=f"seed {seed}: {case}")
    forget_plans()
    assert parts > 5


def test_counts() -> None:
    """Against trying every value, in small numbers and in such as 64 bits do not hold."""
    rng = np.random.default_rng(0)
    for _ in range(500):
        length, values = (int(v) for v in rng.integers(1, 9, size=2))
        brackets = [
            (int(rng.integers(-3, 4)), int(rng.integers(1, 4)), int(rng.integers(-9, 9)), int(rng.integers(0, 15)))
            for _ in range(int(rng.integers(1, 3)))
        ]
        wanted = [
            sum(all(0 <= s * i + a * v + b < e for s, a, b, e in brackets) for v in range(values))
            for i in range(length)
        ]
        assert rt.counts(length, values, *brackets).tolist() == wanted
    assert rt.counts(2, 2**70, (1, 1, -(2**65), 2**66)).tolist() == [2**66, 2**66]


# ----- memory and time ------------------------------------------------------------------------------------------------
FAR = [2**5, 2**12, 2**20, 2**31 - 1]
"""Dilations, and paddings as wide: of a window of 3 taps only the one in the middle lies inside."""
BYTES = 1 << 20


def bounded(call: Callable[[], Any], most: int = BYTES) -> Any:
    """What `call` returns; it may allocate so many bytes, besides what is loaded and compiled once."""
    call()
    tracemalloc.start()
    try:
        found = call()
        assert tracemalloc.get_traced_memory()[1] <= most
    finally:
        tracemalloc.stop()
    return found


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


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("far", some(FAR, 1))
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_taps_far_out_cost_nothing(kind: Kind, far: int, backend: str) -> None:
    with rt.settings(backend=backend):
        for difference in bounded(lambda: kind.calls(np.random.default_rng(3), far)):
            np.testing.assert_allclose(difference, 0, atol=1e-12)


COMPILED = pytest.param(300, "compiled", marks=pytest.mark.skipif(not has_c(), reason="no C compiler"))
LARGER = [(k, "numpy") for k in (12, 300, 10_000, 2**31 - 2, 2**31 - 1)]


@pytest.mark.parametrize(("kernel", "backend"), [*LARGER, COMPILED])
def test_windows_far_larger_than_the_image(kernel: int, backend: str) -> None:
    """All elements are in all windows; averages count the padding, or not."""
    rng = np.random.default_rng(5)
    x, dy = rng.normal(size=(2, 6, 6, 3)), rng.normal(size=(2, 1, 1, 3))
    options: dict[str, Any] = {"kernel_size": (kernel, 12), "padding": (kernel // 2, 6), "stride": (kernel, 12)}
    ones = np.ones_like(x)
    with rt.settings(backend=backend):
        for include, count in ((True, float(kernel) * 12), (False, 36.0)):
            given = options | {"count_include_pad": include}
            y = bounded(partial(avg_pool2d_forward, x, **given), 4 * BYTES)
            np.testing.assert_allclose(y, x.sum((1, 2), keepdims=True) / count, rtol=1e-12)
            dx = bounded(partial(avg_pool2d_grad_input, dy, input_shape=x.shape, **given), 4 * BYTES)
            np.testing.assert_allclose(dx, dy / count * ones, rtol=1e-12)
        if kernel * 12 > MOST_COUNTED:
            with pytest.raises(ValueError, match="too large"):
                max_pool2d_forward(x, **options)
            return
        y, argmax = bounded(lambda: max_pool2d_forward(x, **options), 4 * BYTES)
        np.testing.assert_array_equal(y, x.max((1, 2), keepdims=True))
        dx = bounded(lambda: max_pool2d_grad_input(dy, argmax, input_shape=x.shape, **options), 4 * BYTES)
        np.testing.assert_array_equal(dx, np.where(x == y, dy, 0))


@pytest.mark.parametrize("rank", [1, 2])
def test_gradients_of_large_windows_are_added_where_their_maxima_were(
    rank: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One by one, as by selecting element by element."""
    for seed in range(40):
        rng = np.random.default_rng([seed, rank])
        shape = (2, *(int(v) for v in rng.integers(3, 12, size=rank)), 2)
        kernel = tuple(int(v) for v in rng.integers(1, 4, size=rank))
        options = {"kernel_size": kernel, "stride": 1 + seed % 3, "padding": tuple(k // 2 for k in kernel)}
        module = import_module(f"gradscribe.generated.max_pool{rank}d")
        forward, backward = (getattr(module, f"max_pool{rank}d_{word}") for word in ("forward", "grad_input"))
        x = rng.integers(-3, 3, size=shape).astype(float)
        with rt.settings(backend="numpy"):
            y, argmax = forward(x, **options)
            dy = rng.normal(size=y.shape)
            expected = backward(dy, argmax, input_shape=shape, **options)
            set_in_all(monkeypatch, "MANY_PLACES", 0)
            forget_plans()
            found = backward(dy, argmax, input_shape=shape, **options)
            monkeypatch.undo()
            forget_plans()
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
