"""What the cost model promises: errors in float32, and memory beside factors and result."""

import tracemalloc

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.contractions import choice
from gradscribe.generated.runtime.machine.memory import _own
from tests.cases.thorough import some
from tests.cases.together import together
from tests.runtime.convolutions import DIRECTIONS, Array, Convolution

STRICT, FAST = 1e-6, 6e-6
"""The greatest error in float32, relative to the largest element."""
MIB = 1 << 20

ACCURATE = {
    "3x3, 64 channels": Convolution(2, 14, 64, 64, 3, padding=1),
    "3x3, 128 channels": Convolution(2, 10, 128, 64, 3, padding=1),
    "3x3, remainders": Convolution(1, 13, 64, 72, 3),
    "3x3, stride 2": Convolution(2, 15, 64, 64, 3, stride=2, padding=1),
    "3x3, dilation 2": Convolution(1, 14, 64, 64, 3, dilation=2, padding=2),
    "5x5, 64 channels": Convolution(1, 12, 64, 64, 5, padding=2),
    "1x1": Convolution(2, 12, 64, 96, 1),
    "few channels": Convolution(2, 20, 3, 64, 3, padding=1),
    "depthwise": Convolution(2, 14, 64, 0, 3, padding=1),
    "depthwise, large": Convolution(1, 32, 4, 0, 31, padding=15),
}


def arrays(conv: Convolution, kind: str) -> tuple[Array, Array, Array]:
    """x, w and the gradient of y in float32; x as it is behind a ReLU, and the gradient as it is before one, or not."""
    rng = np.random.default_rng(11)
    x, w, y = (rng.normal(size=shape).astype(np.float32) for shape in conv.shapes)
    if kind == "behind ReLU":
        x = np.maximum(x, np.float32(0))
        y *= rng.random(y.shape) < 0.5
    return x, w, y


def error(conv: Convolution, direction: str, kind: str) -> float:
    """The greatest error relative to the largest element."""
    given = arrays(conv, kind)
    expected = conv.expected(direction, *given)
    found = conv.computed(direction, *(v.copy() for v in given))
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("kind", ["normal", "behind ReLU"])
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("conv", some(ACCURATE.values(), 1, first=1))
def test_errors_in_float32(conv: Convolution, direction: str, kind: str) -> None:
    """Of what is chosen, and of every strategy when it is forced: as large as predicted at most."""
    for accuracy, limit in (("strict", STRICT), ("fast", FAST)):
        with rt.settings(accuracy=accuracy):
            assert error(conv, direction, kind) <= limit, accuracy
    for way in choice.ways(conv.described(direction), rt.current()):
        with rt.settings(strategy=way.strategy.name):
            found = error(conv, direction, kind)
        assert found <= max(STRICT, way.cost.error) <= FAST, (way.strategy.name, found)


@together("direction", DIRECTIONS)
@together("conv", ACCURATE.values(), ids=ACCURATE)
def test_what_is_too_inaccurate_is_not_chosen(conv: Convolution, direction: str) -> None:
    c = conv.described(direction)
    for dtype in (np.float32, np.float64):
        found = choice.ways(conv.described(direction, dtype), rt.Settings("numpy", "strict"))
        assert found[0].cost.direct
        assert found[0].cost.error == 0
        keys = [(not way.cost.direct, way.cost.seconds) for way in found]
        assert keys == sorted(keys)
    costs = [way.cost for way in choice.ways(c, rt.Settings("numpy", "fast"))]
    assert [cost.seconds for cost in costs] == sorted(cost.seconds for cost in costs)


# ----- memory ---------------------------------------------------------------------------------------------------------
DENSE = [(64, 128, 112), (128, 256, 56), (256, 512, 28), (512, 512, 14), (64, 64, 56)]
LARGE = {
    **{f"3x3 {c} to {k} at {size}": Convolution(0, size, c, k, 3, padding=1) for c, k, size in DENSE},
    "3 to 64 at 224": Convolution(0, 224, 3, 64, 3, padding=1),
    "stem": Convolution(0, 224, 3, 64, 7, stride=2, padding=3),
    "1x1 64 to 256": Convolution(0, 56, 64, 256, 1),
    "3x3 stride 2": Convolution(0, 56, 128, 128, 3, stride=2, padding=1),
    "3x3 dilated": Convolution(0, 56, 64, 64, 3, padding=2, dilation=2),
    "LeNet's first": Convolution(0, 28, 1, 6, 5, padding=2),
    "LeNet's second": Convolution(0, 14, 6, 16, 5),
    "depthwise at 112": Convolution(0, 112, 32, 0, 3, padding=1),
    "depthwise at 28": Convolution(0, 28, 256, 0, 3, padding=1),
    "depthwise 31x31": Convolution(0, 56, 64, 0, 31, padding=15),
}


@pytest.mark.thorough
@together("batch", [8, 256])
@together("accuracy", ["fast", "strict"])
@together("direction", DIRECTIONS)
@together("name", LARGE)
def test_memory_is_bounded_whatever_the_batch(name: str, direction: str, accuracy: str, batch: int) -> None:
    """48 MB for 3x3 windows over 64 channels and more, 24 MB for others; of two threads together."""
    conv = LARGE[name]._replace(n=batch)
    found = choice.choice(conv.described(direction), rt.Settings(accuracy=accuracy))
    limit = 48e6 if conv.k and conv.kernel == 3 and conv.c >= 64 else 24e6
    assert 0 <= found.cost.scratch <= limit, (found.strategy.name, found.cost)


MEASURED = {
    "3x3": Convolution(4, 28, 64, 64, 3, padding=1),
    "3x3, larger": Convolution(12, 28, 64, 64, 3, padding=1),
    "5x5": Convolution(2, 24, 32, 32, 5, padding=2),
    "stride 2": Convolution(4, 33, 32, 64, 3, stride=2, padding=1),
    "few channels": Convolution(4, 64, 3, 32, 3, padding=1),
    "1x1": Convolution(4, 28, 64, 96, 1),
    "depthwise": Convolution(4, 56, 32, 0, 3, padding=1),
    "depthwise, large": Convolution(2, 40, 8, 0, 31, padding=15),
}


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("conv", some(MEASURED.values(), 1, first=2))
def test_memory_is_as_predicted(conv: Convolution, direction: str) -> None:
    """Of every strategy on one thread: what is allocated at once is at most twice what is predicted."""
    x, w, y = arrays(conv, "normal")
    for way in choice.ways(conv.described(direction), rt.current()):
        with rt.settings(strategy=way.strategy.name, threads=1):
            conv.computed(direction, x, w, y)  # loops are compiled
            _own.__dict__.clear()  # memory that is used again
            tracemalloc.start()
            try:
                conv.computed(direction, x, w, y)
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
        assert peak <= 2 * way.cost.scratch + MIB, (way.strategy.name, peak / MIB, way.cost.scratch / MIB)
