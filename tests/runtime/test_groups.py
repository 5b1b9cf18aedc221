"""Groups of few channels: a vector has several of them, whose lanes read the same numbers of the first factor."""

from typing import Any

import numpy as np
import pytest

from gradscribe.generated import conv1d, conv2d
from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.contractions import choice
from gradscribe.generated.runtime.contractions.contraction import Contraction
from gradscribe.generated.runtime.contractions.strategies.direct import direct_plan
from gradscribe.generated.runtime.machine.native.library import available
from tests.cases.thorough import draws
from tests.runtime.convolutions import DIRECTIONS, Convolution, Grouped

TOLERANCE: dict[Any, float] = {np.float32: 2e-6, np.float64: 1e-13}
"""Relative to the largest element."""

pytestmark = pytest.mark.skipif(not available(), reason="there is no compiler")


def drawn(rng: np.random.Generator) -> Grouped:
    """Few channels in and out, windows that may be wider than the image, steps that may be wider than windows."""
    while True:
        n, size, kernel = int(rng.integers(0, 4)), int(rng.integers(1, 24)), int(rng.integers(1, 6))
        stride, dilation, padding = (int(rng.choice(some)) for some in ([1, 1, 2, 3], [1, 1, 2, 3], [0, 1, 2, 4]))
        c, k, groups = (int(rng.integers(1, most)) for most in (10, 6, 20))
        if size + 2 * padding > dilation * (kernel - 1):
            return Grouped(Convolution(n, size, c, k, kernel, stride, padding, dilation), groups)


def compared(case: Grouped, dtype: Any, rng: np.random.Generator) -> list[bool]:
    """Each direction against plain products; returns of every contraction whether vectors had several groups."""
    x, w, y = (rng.standard_normal(shape).astype(dtype) for shape in case.shapes)
    spread: list[bool] = []

    def note(c: Contraction, compute: Any) -> None:
        way = choice.choice(c, rt.current())
        spread.append(way.strategy.name == "direct" and way.plan.schedule.spread is not None)
        compute(way)

    for direction in DIRECTIONS:
        expected = case.expected(direction, x, w, y)
        with choice.observing(note):
            case.computed(direction, x, w, y)
        found = case.computed(direction, x, w, y)
        scale = max(1.0, float(np.abs(expected).max(initial=0)))
        np.testing.assert_allclose(
            found, expected, rtol=0, atol=TOLERANCE[dtype] * scale, err_msg=f"{case} {direction}"
        )
    return spread


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_groups_in_all_directions(dtype: Any, threads: int) -> None:
    rng = np.random.default_rng(draws(5, threads))
    spread: list[bool] = []
    with rt.settings(backend="compiled", strategy="direct", threads=threads):
        for _ in range(draws(5, 30)):
            spread += compared(drawn(rng), dtype, rng)
    assert sum(spread) >= draws(2, 8)


@pytest.mark.parametrize(
    "case",
    [
        Grouped(Convolution(2, 20, 4, 4, 3, 1, 1), 32),  # whole vectors, blocks of groups
        Grouped(Convolution(2, 20, 3, 5, 3, 1, 1), 6),  # vectors that are not filled, the last one moved back
        Grouped(Convolution(1, 9, 1, 3, 3, 2, 1), 4),  # one number for several lanes, fewer lanes than a vector has
        Grouped(Convolution(3, 40, 8, 2, 7, 1, 3, 2), 8),  # vectors made of four, more summands than registers hold
    ],
)
def test_what_takes_one_path_each(case: Grouped) -> None:
    rng = np.random.default_rng(0)
    with rt.settings(backend="compiled", strategy="direct", accuracy="strict"):
        assert any(compared(case, np.float32, rng))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_positions_abreast_in_a_vector(dtype: Any, threads: int) -> None:
    """Few filters: what a row of an image sums up to lies in several lanes, and is added up at the end."""
    rng = np.random.default_rng(draws(7, threads))
    spread: list[bool] = []
    with rt.settings(backend="compiled", strategy="direct", threads=threads):
        for _ in range(draws(14, 60)):
            n, size, kernel = int(rng.integers(4, 9)), int(rng.integers(6, 24)), int(rng.integers(2, 6))
            c, k, padding = (int(rng.integers(low, high)) for low, high in ((1, 4), (1, 6), (0, 3)))
            stride, dilation = (int(rng.choice([1, 1, 1, 2])) for _ in range(2))
            if size + 2 * padding > dilation * (kernel - 1):
                case = Grouped(Convolution(n, size, c, k, kernel, stride, padding, dilation), 1)
                spread.append(compared(case, dtype, rng)[-1])
    assert sum(spread) >= draws(2, 12)


def test_not_a_number_stays_in_its_group() -> None:
    rng = np.random.default_rng(1)
    case = Grouped(Convolution(1, 12, 4, 4, 3, 1, 1), 8)
    x, w, y = (rng.standard_normal(shape).astype(np.float32) for shape in case.shapes)
    x[0, 5, 5, 9] = np.nan
    with rt.settings(backend="compiled", strategy="direct", accuracy="strict"):
        found = np.isnan(case.computed("forward", x, w, y))
        kernel = np.isnan(case.computed("dw", x, w, y))
    assert found[0, 4:7, 4:7, 8:12].all()
    assert found.sum() == 9 * 4
    assert kernel[:, :, 1, 8:12].all()
    assert kernel.sum() == 9 * 4


def test_one_axis() -> None:
    """Without rows of an image to cut: positions are."""
    rng = np.random.default_rng(2)
    x, w = rng.standard_normal((2, 90, 12)), rng.standard_normal((5, 3, 8))
    dy = rng.standard_normal((2, 90, 8))
    options = {"padding": 2, "groups": 4}
    with rt.settings(backend="numpy"):
        expected = (
            conv1d.conv1d_forward(x, w, np.zeros(8), **options),
            conv1d.conv1d_grad_weight(dy, x, kernel_size=5, **options),
        )
    with rt.settings(backend="compiled", strategy="direct"):
        found = (
            conv1d.conv1d_forward(x, w, np.zeros(8), **options),
            conv1d.conv1d_grad_weight(dy, x, kernel_size=5, **options),
        )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("kernel", "dilation"), [((3, 1), (1, 1)), ((1, 3), (1, 60)), ((3, 2), (7, 1))])
def test_summands_that_lie_far_apart(kernel: tuple[int, int], dilation: tuple[int, int]) -> None:
    """Rows of a tile and summands meet at no place."""
    rng = np.random.default_rng(3)
    x, w = rng.standard_normal((2, 17, 150, 16)), rng.standard_normal((*kernel, 4, 12))
    options: dict[str, Any] = {"dilation": dilation, "groups": 4}
    with rt.settings(backend="numpy"):
        y = conv2d.conv2d_forward(x, w, **options)
        expected = conv2d.conv2d_grad_weight(y, x, kernel_size=kernel, **options)
    with rt.settings(backend="compiled", strategy="direct"):
        np.testing.assert_allclose(conv2d.conv2d_forward(x, w, **options), y, rtol=0, atol=1e-11)
        found = conv2d.conv2d_grad_weight(y, x, kernel_size=kernel, **options)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-9)


def test_the_plan_says_so() -> None:
    found: list[str] = []
    case = Grouped(Convolution(2, 20, 4, 4, 3, 1, 1), 32)
    x, w, y = (np.ones(shape, np.float32) for shape in case.shapes)

    def note(c: Contraction, compute: Any) -> None:
        found.append(str(direct_plan(c)))
        compute(choice.choice(c, rt.current()))

    with rt.settings(backend="compiled"), choice.observing(note):
        case.computed("forward", x, w, y)
    assert "each read by 4 lanes" in found[0]
