"""Ratios, sigmoid and erf in every place, and sums over axes: accuracy, types, NaN and infinity."""

import math
import warnings
from typing import Any

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from tests.cases.together import together


# ----- scalars --------------------------------------------------------------------------------------------------------
def test_what_is_divided_by_a_size_of_0_is_nan() -> None:
    assert rt.divisor(3) == 3
    assert np.isnan(np.ones(2, np.float32) / rt.divisor(0)).all()
    assert (np.ones(2, np.float32) / rt.divisor(0)).dtype == np.float32


def test_ratio() -> None:
    assert rt.ratio(3, 2) == 1.5
    assert np.isnan(rt.ratio(3, 0))
    assert np.isnan(rt.ratio(0, 0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_at_its_ends(dtype: Any) -> None:
    found = rt.sigmoid(np.array([-np.inf, -1000, 0, 1000, np.inf, np.nan], dtype))
    np.testing.assert_array_equal(found, np.array([0, 0, 0.5, 1, 1, np.nan], dtype))
    assert found.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_has_full_relative_accuracy(dtype: Any) -> None:
    reach = 80 if dtype is np.float32 else 700
    x = np.linspace(-reach, reach, 4001).astype(dtype)
    expected = 1 / (1 + np.exp(-x.astype(np.longdouble)))
    assert np.max(np.abs(rt.sigmoid(x) - expected) / expected) < 4 * np.finfo(dtype).eps


def test_sigmoid_of_a_single_number() -> None:
    found = rt.sigmoid(np.asarray(0.0, np.float32))
    assert found.shape == ()
    assert found.dtype == np.float32
    assert float(found) == 0.5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_erf_has_full_relative_accuracy(dtype: Any) -> None:
    eps = np.finfo(dtype).eps
    tiny = np.logspace(-30, 0, 500)
    points = np.concatenate([np.linspace(-7, 7, 60_001), tiny, -tiny, 0.84375 + np.arange(-50, 50) * eps]).astype(dtype)
    expected = np.array([math.erf(a) for a in points.tolist()])
    found = rt.erf(points)
    assert found.dtype == dtype
    error = np.abs(found - expected)
    assert np.all(error <= (1.5 if dtype is np.float64 else 2.5) * eps * np.abs(expected)), error.max()


def test_erf_at_its_ends() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = rt.erf(np.array([-np.inf, -1e300, -6, -0.0, 0.0, 6, 1e300, np.inf, np.nan]))
    np.testing.assert_array_equal(found, [-1, -1, -1, 0, 0, 1, 1, 1, np.nan])
    np.testing.assert_array_equal(np.signbit(found[3:5]), [True, False])


def test_erf_of_any_shape_and_layout() -> None:
    base = np.random.default_rng(3).normal(size=(40, 3, 500))
    expected = np.vectorize(math.erf)(base)
    for array, wanted in ((base, expected), (base.T, expected.T), (base[::2, :, ::-3], expected[::2, :, ::-3])):
        before = array.copy()
        np.testing.assert_allclose(rt.erf(array), wanted, rtol=4e-16)
        np.testing.assert_array_equal(array, before)
    assert rt.erf(np.zeros((0, 3), np.float32)).shape == (0, 3)
    assert rt.erf(np.asarray(0.5, np.float32)).shape == ()
    assert float(rt.erf(1)) == pytest.approx(math.erf(1), rel=1e-15)


# ----- sums -----------------------------------------------------------------------------------------------------------
@together("dtype", [np.float32, np.float64])
@together(
    ("shape", "axes"),
    [
        ((3, 4), (0,)),  # small: as NumPy does it
        ((64, 8, 2, 8, 2, 6), (2, 4)),  # a window: slice by slice
        ((16, 300), (0,)),  # few rows
        ((4096, 16), (0,)),  # a column at a time by BLAS
        ((5, 17, 61, 3), (0, 1, 2)),  # a remainder of the blocks
        ((1000, 1, 7), (0,)),
        ((1, 5000), (0,)),  # one summand
        ((0, 5000), (0,)),  # none
        ((6000,), (0,)),
        ((70, 80), (1,)),
        ((20, 30, 40), (0, 2)),
    ],
)
def test_a_sum_over_axes(shape: tuple[int, ...], axes: tuple[int, ...], dtype: type[np.floating[Any]]) -> None:
    values = np.random.default_rng(0).normal(size=shape).astype(dtype)
    values.setflags(write=False)
    kept = [k for k in range(len(shape)) if k not in axes]
    moved = values.transpose([*kept, *axes])  # the summed axes last, as generated code has them
    found = rt.total(moved, tuple(range(-len(axes), 0)))
    expected = values.astype(np.longdouble).sum(axis=axes)
    assert found.dtype == dtype
    assert found.shape == expected.shape
    assert not np.shares_memory(found, values)
    scale = np.abs(values).astype(np.float64).sum(axis=axes).max(initial=1.0)
    assert np.abs(found - expected).max(initial=0.0) <= 4 * np.finfo(dtype).eps * scale


def test_a_long_sum_in_float32_does_not_stop_growing() -> None:
    values = np.ones((1 << 22, 3), np.float32) * np.float32(1.1)
    expected = float(np.float32(1.1)) * (1 << 22)
    np.testing.assert_allclose(rt.total(values.transpose(1, 0), -1), expected, rtol=1e-6)


def test_nan_and_infinity_stay_in_their_columns() -> None:
    values = np.ones((1000, 8))
    values[10, 1], values[500, 2], values[999, 2], values[3, 5] = np.nan, np.inf, -np.inf, np.inf
    with np.errstate(invalid="ignore"):
        found = rt.total(values.transpose(1, 0), -1)
    assert np.isnan(found[[1, 2]]).all()
    assert found[5] == np.inf
    np.testing.assert_array_equal(found[[0, 3, 4, 6, 7]], 1000)
