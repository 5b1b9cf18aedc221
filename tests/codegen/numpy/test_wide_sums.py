"""Sums whose summands are more than all arrays have elements: of equations that no strategy for windows matches.

They are computed in blocks, their loops go over those taps only that reach an array, and windows that would be mostly
padding are copied element by element.
"""

import time
import tracemalloc
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.driver import compile_layer, source
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.sampling import sample_sizes, sample_values
from gradscribe.generated.bilinear import bilinear_forward
from tests.cases.agreement import assert_kernels_agree, compiled
from tests.cases.thorough import some
from tests.runtime.rooms import set_in_all

TEXTS = {
    "waves": "s = 1; p = 1; d = 1\ninput x[N,L]\ny[n,i] = sum(r) cos(x[n, s*i + d*r - p] * a[n])",
    "cubes": "s = 1; p = 1; d = 1\ninput x[N,L]\ny[n,i] = sum(r) x[n, s*i + d*r - p]**3",
    "flanks": "p = 1; d = 1\ninput x[N,L]\ny[n,i] = sum(r) [x[n, i + d*r - p] > x[n,i]] * x[n, i + d*r - p]",
    "plane": "p = 1; d = 2\ninput x[N,H,W]\ny[n,i,j] = sum(r,t) exp(-x[n, i + d*r - p, j + d*t - p]) * w[r,t]",
    "distances": "y[n,k] = sum(c) abs(x[n,c] - w[k,c])",
    "energy": "y = sum(i,j) 1 / (1 + (x[i] - x[j])**2)",
    "nearest": "y[n,k] = min(c) (x[n,c] - w[k,c])**2",
    "trilinear": "y[n,k] = sum(c,d) x[n,c] * z[n,d] * w[c,d,k]",
    "tensor": "y[k] = sum(n,c,d) x[n,c] * z[n,d] * w[c,d,k] * exp(v[n])",
    "ordered": "y[n] = sum(i,j) [j < i] * tanh(x[n,i] * x[n,j])",
    "apart": "i < I; j < I\ny[i,d] = sum(j) [i != j] * (x[i,d] - x[j,d]) * t[i,j]",
}


@pytest.fixture(scope="module", params=TEXTS)
def layer(request: pytest.FixtureRequest) -> Layer:
    return gradscribe.layer(TEXTS[request.param], request.param)


@pytest.mark.thorough
@pytest.mark.parametrize("block", some([7, 1, 1 << 18], 1))
def test_blocks_are_the_whole(layer: Layer, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of any size; with windows that are padded, and seen element by element."""
    module = compiled(layer)
    set_in_all(monkeypatch, "BLOCK", block, module.rt)
    set_in_all(monkeypatch, "OPERAND", 3 * block, module.rt)
    for seed in range(12):
        set_in_all(monkeypatch, "MOST_PADDED", 0 if seed % 2 else 4, module.rt)
        rng = np.random.default_rng([seed, block])
        sizes = sample_sizes(layer, rng, limit=4000)
        assert_kernels_agree(layer, sizes, sample_values(layer.program, sizes, rng), rng)


def test_an_index_that_is_compared_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the body is 0 if all elements are 1, too: positions within a block are no positions."""
    module = compile_layer(gradscribe.layer(TEXTS["apart"], "apart"))
    for name in ("BLOCK", "OPERAND"):
        set_in_all(monkeypatch, name, 4, module.rt)
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(5, 2)), rng.normal(size=(5, 5))
    with module.rt.settings(backend="numpy"):
        y = module.apart_forward(x, t)
    np.testing.assert_allclose(y, np.einsum("ijd,ij->id", x[:, None] - x, t), atol=1e-12)


# ----- memory and time ------------------------------------------------------------------------------------------------
BYTES = 8 << 20
"""What is computed at a time, and what a window may be padded with: a few blocks."""


LONG = 60.0
"""Seconds: steps through 2**31 taps would take hours on any machine; those that matter take less than one."""


def measured(call: Callable[[], Any]) -> tuple[Any, int, float]:
    """What `call` returns, the bytes that it takes besides, and the seconds; what is compiled once is left out."""
    call()
    began = time.perf_counter()
    call()
    seconds = time.perf_counter() - began
    tracemalloc.start()
    try:
        found = call()
        return found, tracemalloc.get_traced_memory()[1], seconds
    finally:
        tracemalloc.stop()


def module_of(name: str) -> ModuleType:
    return compiled(gradscribe.layer(TEXTS[name], name))


@pytest.mark.parametrize("far", [10**4, 10**7, 2**31 - 1])
def test_taps_far_out_take_no_memory(far: int) -> None:
    """Of three taps the middle one lies inside; what cos makes of the others counts."""
    rng = np.random.default_rng(0)
    x, a, dy = rng.normal(size=(4, 50)), rng.normal(size=4), rng.normal(size=(4, 50))
    waves, options = module_of("waves"), {"R": 3, "d": far, "p": far}
    y, peak, seconds = measured(lambda: waves.waves_forward(x, a, **options))
    np.testing.assert_allclose(y, 2 + np.cos(x * a[:, None]))
    assert peak < BYTES
    assert seconds < LONG
    dx, peak, seconds = measured(lambda: waves.waves_grad_input(dy, x, a, **options))
    np.testing.assert_allclose(dx, -np.sin(x * a[:, None]) * a[:, None] * dy)
    assert peak < BYTES
    assert seconds < LONG


@pytest.mark.parametrize("taps", [10**4, 2**31 - 1])
def test_loops_go_over_the_taps_that_reach_the_array(taps: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 5))
    cubes, options = module_of("cubes"), {"R": taps, "p": taps // 2 + 1, "s": 3}
    y, peak, seconds = measured(lambda: cubes.cubes_forward(x, **options))
    np.testing.assert_allclose(y, np.repeat((x**3).sum(1, keepdims=True), y.shape[1], 1))
    assert (peak < BYTES, seconds < LONG) == (True, True)
    dx, peak, seconds = measured(lambda: cubes.cubes_grad_input(np.ones_like(y), x, **options))
    np.testing.assert_allclose(dx, 3 * x**2 * y.shape[1])
    assert (peak < BYTES, seconds < LONG) == (True, True)


def test_summands_are_computed_in_blocks() -> None:
    """16 and 32 million of them, 128 and 256 MB if they were all there at once."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(400, 100)), rng.normal(size=(400, 100))
    distances = module_of("distances")
    y, peak, _ = measured(lambda: distances.distances_forward(x, w))
    np.testing.assert_allclose(y[7], np.abs(x[7] - w).sum(1))
    assert peak < BYTES
    points = rng.normal(size=4000)
    energy = module_of("energy")
    found, peak, _ = measured(lambda: energy.energy_forward(points))
    np.testing.assert_allclose(found, sum((1 / (1 + (p - points) ** 2)).sum() for p in points))
    assert peak < BYTES


def test_a_window_that_cannot_be_is_refused_at_once() -> None:
    """Before anything is allocated."""
    plane = module_of("plane")
    x, w = np.ones((1, 2, 2)), np.ones((2, 2))
    with pytest.raises(ValueError, match=r"this machine has .* GiB: expected smaller sizes"):
        plane.plane_forward(x, w, p=2**31 - 1, d=1)


def test_products_and_narrow_sums_need_no_blocks() -> None:
    """Sums of one array's elements, and products of two arrays, which BLAS adds up."""
    for text in (
        "y[n] = sum(c) exp(x[n,c])",
        "y[n,k] = sum(c) x[n,c] * w[k,c]",
        "y[n,k] = sum(c) sin(x[n,c,k] * w[k])",
    ):
        assert "rt.blocks" not in source(gradscribe.layer(text, "narrow")), text


def test_products_of_two_factors_are_operands_in_blocks() -> None:
    """Of 512 MB."""
    rng = np.random.default_rng(0)
    x, z, w = rng.normal(size=(1000, 256)), rng.normal(size=(1000, 256)), rng.normal(size=(256, 256, 2))
    y, peak, _ = measured(lambda: bilinear_forward(x, z, w))
    np.testing.assert_allclose(y[3], np.einsum("c,d,cdk->k", x[3], z[3], w))
    assert peak < 80 << 20


@pytest.mark.parametrize("taps", [10**4, 2**31 - 1])
def test_windows_of_second_order(taps: int) -> None:
    """Of a maximum's directions that at the recorded position is read, tap by tap where there are elements."""
    rng = np.random.default_rng(0)
    module = compile_layer(LAYERS["max_pool1d"](), order=2)
    x, ddx, dy = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 1, 3))
    options = {"kernel_size": taps, "padding": taps // 2}
    _, argmax = module.max_pool1d_forward(x, **options)
    (grad_dy, _), peak, seconds = measured(
        lambda: module.max_pool1d_double_backward(ddx, dy, argmax, input_shape=x.shape, **options)
    )
    np.testing.assert_array_equal(grad_dy, np.take_along_axis(ddx, x.argmax(1)[:, None], 1))
    assert (peak < BYTES, seconds < LONG) == (True, True)
