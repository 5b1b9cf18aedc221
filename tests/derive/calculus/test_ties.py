"""Ties of a maximum or minimum: the first takes the gradient, or all share it; pools against loops."""

import numpy as np
import pytest

from gradscribe.derive.calculus.passes.ties import split_ties
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.layer.equations import Maximum, Minimum
from tests.cases.layers import LayerCase, random_layer_case, sizes_of
from tests.cases.thorough import draws
from tests.cases.together import together
from tests.derive.calculus.tied import (
    M,
    N,
    R,
    d,
    line,
    line_gradient,
    p,
    pool_by_kernel,
    pool_gradient,
    pooling,
    s,
    slopes_of,
    tied_values,
)


@together("policy", ["first", "split"])
@together("seed", range(draws(7, 30)))
def test_pooling_equals_loops(seed: int, policy: str) -> None:
    rng = np.random.default_rng(seed)
    case = random_layer_case("max_pool2d", rng)
    array = tied_values(rng, case.shapes["x"], special=seed % 3 == 0)
    layer, module = pooling(policy)
    found = interpret(layer.program, {"x": array}, sizes_of(case))
    dy = rng.normal(size=found["y"].shape)
    expected = pool_gradient(case, array, dy, policy)
    np.testing.assert_allclose(slopes_of(layer.program, {"x": array}, sizes_of(case), dy), expected, atol=1e-12)
    for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 1e-5)):
        dx = pool_by_kernel(case, array.astype(dtype), dy.astype(dtype), policy)
        assert dx.dtype == dtype
        np.testing.assert_allclose(dx, expected, atol=tolerance)
    if policy == "split":
        result, count = module.max_pool2d_forward(array, **case.options)
        np.testing.assert_array_equal(result, found["y"])
        np.testing.assert_array_equal(count, found["count"])


def test_four_equal_elements_get_a_quarter_each() -> None:
    case = LayerCase("max_pool2d", {"x": (1, 2, 2, 1)}, {"kernel_size": 2})
    ones, dy = np.ones((1, 2, 2, 1)), np.full((1, 1, 1, 1), 8.0)
    np.testing.assert_array_equal(pool_by_kernel(case, ones, dy, "split").ravel(), [2, 2, 2, 2])
    np.testing.assert_array_equal(pool_by_kernel(case, ones, dy, "first").ravel(), [8, 0, 0, 0])


@together("op", [Maximum, Minimum])
@together("seed", range(12))
def test_windows_of_a_line_equal_loops(op: type, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = {N: 5, M: 4, R: 3, s: int(rng.integers(1, 4)), p: int(rng.integers(0, 7)), d: int(rng.integers(1, 3))}
    array, dy = tied_values(rng, (5,), special=seed % 2 == 0), rng.normal(size=4)
    word = "max" if op is Maximum else "min"
    for policy in ("first", "split"):
        layer = line(op).with_ties(policy)
        expected = line_gradient(array, dy, sizes, word, policy)
        np.testing.assert_allclose(slopes_of(layer.program, {"x": array}, sizes, dy), expected, atol=1e-12)


@pytest.mark.parametrize(("op", "empty"), [(Maximum, -np.inf), (Minimum, np.inf)])
def test_a_window_wholly_in_padding_and_one_with_nan_get_nothing(op: type, empty: float) -> None:
    source = split_ties(line(op).program)
    sizes = {N: 5, M: 4, R: 2, s: 2, p: 2, d: 1}  # windows [], [0, 1], [2, 3], [4]
    array, dy = np.array([7.0, 7.0, np.nan, 7.0, 0.0]), np.array([1.0, 10.0, 100.0, np.inf])
    found = interpret(source, {"x": array}, sizes)
    np.testing.assert_array_equal(found["y"], [empty, 7, np.nan, 0])
    np.testing.assert_array_equal(found["count"], [0, 2, 0, 1])
    np.testing.assert_array_equal(slopes_of(source, {"x": array}, sizes, dy), [5, 5, 0, 0, np.inf])


def test_a_window_of_infinities_shares() -> None:
    source = split_ties(line(Maximum).program)
    sizes = {N: 2, M: 1, R: 3, s: 1, p: 1, d: 1}
    slopes = slopes_of(source, {"x": np.full(2, -np.inf)}, sizes, np.array([6.0]))
    np.testing.assert_array_equal(slopes, [3, 3])  # the position in the padding does not count
