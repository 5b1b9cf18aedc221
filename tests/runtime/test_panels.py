"""Fast correlations of few tiles and large kernels: all tiles are transformed first, then panels of the kernel.

That order is forced on every shape. Results are those of plain products, and the same to the bit for any number of
threads.
"""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from gradscribe.generated import conv2d
from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.contractions import choice
from gradscribe.generated.runtime.contractions.strategies import fused
from gradscribe.generated.runtime.contractions.ways import Way
from gradscribe.generated.runtime.machine.configuration import has_c
from gradscribe.generated.runtime.machine.native import objects
from tests.cases.thorough import draws, some
from tests.runtime.convolutions import Convolution, Grouped
from tests.runtime.rooms import forget_plans, panels_first, set_in_all
from tests.runtime.windows import drawn

pytestmark = pytest.mark.skipif(not has_c(), reason="no C compiler")

NEAR: dict[Any, float] = {np.float32: 4e-5, np.float64: 1e-11}
"""Relative to the largest element."""


WAYS = (np.float32, "fused4"), (np.float64, "fused2")


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The plans of all that is bound: tiles first, whatever takes less time, in several slices. Compilers take them."""
    plans: list[Any] = []
    text = fused.fused_text

    def noted(plan: Any) -> str:
        plans.append(plan)
        return text(plan)

    set_in_all(monkeypatch, "fused_text", noted)
    panels_first(monkeypatch)
    refused = dict(objects.failures)
    yield plans
    assert objects.failures == refused
    assert all(plan.panels for plan in plans)
    forget_plans()


def compared(compute: Any, expected: Any, dtype: Any, strategy: str) -> None:
    """Against these results, with one thread and more."""
    results = []
    for threads in (1, 2, 3):
        with rt.settings(backend="compiled", strategy=strategy, threads=threads):
            results.append(compute())
    atol = NEAR[dtype] * max(1.0, float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(results[0], expected, rtol=0, atol=atol)
    assert all(np.array_equal(other, results[0]) for other in results[1:])


def test_windows_in_pieces(bound: list[Any]) -> None:
    """Along one to three axes, with steps and gaps, long ones, and such that leave their arrays."""
    seeds = draws(3, 24)
    for seed in range(seeds):
        case, rng = drawn(seed), np.random.default_rng(seed)
        for dtype, strategy in WAYS:
            x, w, y = (rng.standard_normal(shape).astype(dtype) for shape in case.shapes)
            expected = case.expected("forward", x, w, y)
            compared(partial(case.computed, "forward", x, w, y), expected, dtype, strategy)
    assert len(bound) >= seeds


CASES = (
    Grouped(Convolution(2, 9, 37, 70, 3, 1, 1), 1),  # channels and columns that fill no whole number of vectors
    Grouped(Convolution(0, 9, 37, 70, 3, 1, 1), 1),
    Grouped(Convolution(5, 14, 130, 35, 3, 1, 1), 1),  # several blocks of tiles, the last one with few rows
    Grouped(Convolution(1, 4, 512, 33, 3, 1, 1), 1),  # a single tile of F(4, 3)
    Grouped(Convolution(3, 7, 24, 40, 3, 1, 1), 3),  # groups: a kernel for each
    Grouped(Convolution(2, 12, 48, 40, 3, 2, 1), 1),  # the input's gradient in parts, the result in pieces
    Grouped(Convolution(2, 13, 20, 64, 5, 1, 2, 2), 1),
    Grouped(Convolution(33, 4, 16, 200, 3, 1, 1), 1),
)


def test_layers_and_their_gradients_by_the_input(bound: list[Any]) -> None:
    gradients = 0
    for case in some(CASES, 4):
        rng, one = np.random.default_rng(5), case.one
        options: dict[str, Any] = {"stride": one.stride, "padding": one.padding, "dilation": one.dilation}
        options["groups"] = case.groups
        for dtype, strategy in WAYS:
            x, w, y = (rng.standard_normal(shape).astype(dtype) for shape in case.shapes)
            b = np.asarray(rng.standard_normal(w.shape[-1]), dtype)
            forward = partial(conv2d.conv2d_forward, x, w, b, **options)
            gradient = partial(conv2d.conv2d_grad_input, y, w, input_shape=x.shape, **options)
            compared(forward, case.expected("forward", x, w, y) + b, dtype, strategy)
            before = len(bound)
            compared(gradient, case.expected("dx", x, w, y), dtype, strategy)
            gradients += len(bound) > before  # parts of a gradient are computed by whatever takes less time
    assert gradients >= 4
    assert len(bound) >= gradients + 4


def way(conv: Convolution, direction: str, strategy: str) -> Way:
    """How it is computed by a strategy."""
    with rt.settings(backend="compiled", threads=1):
        ways = choice.ways(conv.described(direction), rt.current())
    return next(way for way in ways if way.strategy.name == strategy)


@pytest.mark.parametrize(
    ("conv", "panels"),
    [
        (Convolution(4, 14, 512, 512, 3, 1, 1), True),
        (Convolution(32, 4, 512, 512, 3, 1, 1), True),
        (Convolution(32, 4, 256, 512, 3, 1, 1), True),
        (Convolution(64, 14, 512, 512, 3, 1, 1), False),  # more tiles than columns
        (Convolution(4, 56, 128, 128, 3, 1, 1), False),
        (Convolution(4, 8, 64, 64, 3, 1, 1), False),  # a kernel that stays in the cache
    ],
    ids=str,
)
def test_few_tiles_of_a_large_kernel_are_transformed_first(conv: Convolution, panels: bool) -> None:
    forward, gradient = way(conv, "forward", "fused4"), way(conv, "dx", "polyphase")
    assert (forward.plan.panels is not None) == panels
    assert forward.plan.pieces == (0, 0) if panels else forward.plan.pieces[0] == conv.k
    at_points = 36 * 4 * conv.c * conv.k
    assert (forward.cost.scratch < at_points) == panels
    assert gradient.cost.scratch < at_points or not panels


def test_another_batch_is_not_compiled_anew() -> None:
    one, other = (way(Convolution(n, 14, 512, 512, 3, 1, 1), "forward", "fused4").plan for n in (2, 5))
    assert one.each != other.each
    assert fused.fused_text(one) == fused.fused_text(other)


PEAK = """
import resource
import numpy as np
from gradscribe.generated.conv2d import conv2d_forward
from gradscribe.generated import runtime as rt

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

with rt.settings(backend="compiled", strategy="fused4", threads=2):
    conv2d_forward(np.ones((1, 6, 6, 64), np.float32), np.ones((3, 3, 64, 32), np.float32), padding=1)
    x, w = np.ones((32, 4, 4, 512), np.float32), np.ones((3, 3, 512, 512), np.float32)
    before = peak()
    y = conv2d_forward(x, w, padding=1)
    assert abs(y[0, 1, 1, 0] - 9 * 512) < 0.1, y[0, 1, 1, 0]
    print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts KiB as Linux does")
def test_memory_of_a_large_kernel() -> None:
    """The kernel at 36 points takes 38 MB, its tiles 2.4."""
    done = subprocess.run((sys.executable, "-c", PEAK), capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20 << 10
