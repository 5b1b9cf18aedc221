"""Rows that contractions add to their results, such as a bias: by every way, what NumPy adds afterwards."""

from typing import Any

import numpy as np
import pytest

from gradscribe.generated import conv2d, dense
from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.arithmetic import sums
from gradscribe.generated.runtime.contractions import contract as contracts
from gradscribe.generated.runtime.machine.configuration import has_c
from tests.cases.thorough import draws
from tests.runtime.convolutions import Convolution

WAYS = (None, "direct", "dots", "fused4", "fused2", "matrix", "taps", "fold")
CASES = (
    Convolution(2, 9, 5, 7, 3, 1, 1),  # sums end with the image, fewer columns than a vector
    Convolution(2, 12, 16, 16, 3, 1, 1),
    Convolution(1, 8, 64, 96, 3, 1, 1),  # few images: chunks, and threads that share columns
    Convolution(1, 4, 250, 96, 3, 1, 1),
    Convolution(4, 7, 3, 33, 1, 1, 0),  # a last vector that is moved back
    Convolution(3, 14, 8, 100, 5, 2, 2),
    Convolution(2, 11, 5, 1, 3, 1, 1),
    Convolution(0, 6, 3, 4, 3, 1, 1),
)

pytestmark = pytest.mark.skipif(not has_c(), reason="no C compiler")


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each row was stored with the sums, or added to them."""
    found: list[bool] = []
    add = sums.add_row

    def noted(*arrays: Any) -> None:
        found[-1] = False
        add(*arrays)

    computed = contracts._computed

    def watched(compute: Any, arrays: Any, row: Any) -> None:
        found.append(row is not None)
        computed(compute, arrays, row)

    monkeypatch.setattr(contracts, "add_row", noted)
    monkeypatch.setattr(contracts, "_computed", watched)
    return found


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_rows_of_all_ways(case: Convolution, dtype: Any, threads: int, given: list[bool]) -> None:
    rng = np.random.default_rng(4)
    x, w, y = (rng.standard_normal(shape).astype(dtype) for shape in case.shapes)
    b = np.asarray(rng.standard_normal(y.shape[-1]), dtype)
    expected: Any = case.expected("forward", x, w, y) + b
    options = {"stride": case.stride, "padding": case.padding}
    for strategy in WAYS:
        with rt.settings(backend="compiled", strategy=strategy, threads=threads):
            found = conv2d.conv2d_forward(x, w, b, **options)
        near = 2e-5 if dtype == np.float32 else 1e-12
        np.testing.assert_allclose(found, expected, rtol=0, atol=near * max(1, np.abs(expected).max(initial=0)))
    with rt.settings(backend="numpy"):
        np.testing.assert_allclose(conv2d.conv2d_forward(x, w, b, **options), expected, rtol=1e-3, atol=1e-4)
    assert case.n == 0 or case.k == 1 or sum(given) >= 3  # rows of one element are none that vectors run along


def test_random_layers_with_groups(given: list[bool]) -> None:
    """Groups lie next to each other in a row."""
    rng = np.random.default_rng(8)
    for _ in range(draws(12, 60)):
        n, size, kernel, groups = (int(rng.integers(1, most)) for most in (4, 12, 4, 4))
        c, k = int(rng.integers(1, 6)), int(rng.integers(1, 20))
        if size < kernel:
            continue
        x = rng.standard_normal((n, size, size, c * groups))
        w, b = rng.standard_normal((kernel, kernel, c, groups * k)), rng.standard_normal(groups * k)
        with rt.settings(backend="compiled"):
            found = conv2d.conv2d_forward(x, w, b, groups=groups)
            expected = conv2d.conv2d_forward(x, w, None, groups=groups) + b
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert any(given)


def test_a_row_that_is_not_packed_or_of_another_type() -> None:
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal((6, 8)), rng.standard_normal((8, 10)), rng.standard_normal(20)[::2]
    with rt.settings(backend="compiled"):
        np.testing.assert_allclose(dense.dense_forward(x, w, b), x @ w + b)
        np.testing.assert_allclose(dense.dense_forward(x, w, b.tolist()), x @ w + b)
        np.testing.assert_allclose(dense.dense_forward(x[:0], w, b), np.empty((0, 10)))
        np.testing.assert_allclose(dense.dense_forward(x[:, :0], w[:0], b), np.tile(b, (6, 1)))


@pytest.mark.parametrize("strategy", ["direct", "fused4"])
def test_not_a_number_and_infinity_are_added(strategy: str) -> None:
    x, w = np.ones((2, 8, 8, 16), np.float32), np.ones((3, 3, 16, 20), np.float32)
    b = np.zeros(20, np.float32)
    b[[3, 19]] = np.nan, np.inf
    with rt.settings(backend="compiled", strategy=strategy):
        found = conv2d.conv2d_forward(x, w, b, padding=1)
    assert np.isnan(found[..., 3]).all()
    assert np.isposinf(found[..., 19]).all()
    assert np.isfinite(np.delete(found, [3, 19], axis=-1)).all()
