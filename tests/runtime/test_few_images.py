"""Few small images and large kernels: sums in chunks, and columns of fast correlations that threads share.

Results are those of plain products, and the same to the bit for any number of threads.
"""

from typing import Any

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from gradscribe.generated.conv2d import conv2d_forward
from gradscribe.generated.runtime.contractions import choice
from gradscribe.generated.runtime.contractions.contraction import Contraction
from gradscribe.generated.runtime.machine.configuration import has_c
from tests.cases.thorough import some
from tests.runtime.convolutions import Convolution
from tests.runtime.rooms import set_in_all

pytestmark = pytest.mark.skipif(not has_c(), reason="no C compiler")

CASES = (
    Convolution(1, 8, 128, 160, 3, 1, 1),
    Convolution(1, 4, 96, 512, 3, 1, 1),
    Convolution(1, 5, 250, 96, 3, 1, 1),  # channels in 5 chunks of 50
    Convolution(1, 4, 251, 96, 3, 1, 1),  # a prime number of them
    Convolution(2, 3, 200, 100, 3, 2, 1),
    Convolution(1, 1, 128, 128, 3, 1, 1),  # the middle of the kernel alone
    Convolution(1, 2, 256, 64, 5, 1, 2),
    Convolution(3, 6, 64, 72, 3, 1, 2),
    Convolution(1, 9, 40, 130, 3, 1, 1),  # columns that fill no whole number of blocks
)


@pytest.mark.parametrize("strategy", ["direct", "fused2", "fused4"])
@pytest.mark.parametrize("case", some(CASES, 5), ids=str)
def test_results_are_those_of_plain_products_whatever_the_threads(case: Convolution, strategy: str) -> None:
    rng = np.random.default_rng(3)
    x, w, y = (rng.standard_normal(shape).astype(np.float32) for shape in case.shapes)
    expected = case.expected("forward", x, w, y)
    found = []
    for threads in (1, 2, 3):
        with rt.settings(backend="compiled", strategy=strategy, threads=threads):
            found += [case.computed("forward", x, w, y) for _ in range(2)]
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found[0], expected, rtol=0, atol=2e-5 * scale)
    assert all(np.array_equal(other, found[0]) for other in found[1:])


def plan(n: int, size: int, channels: int, columns: int, strategy: str) -> Any:
    """How a 3x3 convolution that keeps the size of its images is computed."""
    found: list[Any] = []

    def note(c: Contraction, compute: Any) -> None:
        found.extend(way.plan for way in choice.ways(c, rt.current()) if way.strategy.name == strategy)
        compute(choice.choice(c, rt.current()))

    x, w = np.ones((n, size, size, channels), np.float32), np.ones((3, 3, channels, columns), np.float32)
    with rt.settings(backend="compiled", threads=1), choice.observing(note):
        conv2d_forward(x, w, None, padding=1)
    return found[0]


def test_a_large_kernel_is_read_once_by_few_images_and_by_many_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    set_in_all(monkeypatch, "block_cache", lambda: 1280 << 10)  # that of this machine may be smaller
    chunked = plan(1, 8, 256, 256, "direct")
    assert chunked.schedule.chunked
    assert chunked.chunks == 8
    assert plan(1, 4, 250, 512, "direct").chunks == 5
    assert not plan(16, 8, 256, 256, "direct").schedule.chunked


def test_threads_share_the_columns_of_few_tiles() -> None:
    few, many = plan(1, 8, 128, 128, "fused2"), plan(16, 8, 128, 128, "fused2")
    assert [few.shares(threads) for threads in (1, 2, 3)] == [1, 2, 3]
    assert [many.shares(threads) for threads in (1, 2)] == [1, 1]
