"""Running products and what their factors get of them, against the definitions: every product by itself."""

from itertools import product

import numpy as np
import pytest

from gradscribe.generated import runtime as rt

SIZES = list(product((0, 1, 2, 5), (0, 1, 3, 5, 6), (-7, -2, -1, 0, 1, 2, 4, 9), (False, True)))
"""Factors, products, how many factors come first, whether products grow from behind."""


def factors(*shape: int, seed: int = 0) -> np.ndarray:
    """Every fifth factor is 0, so that some rows have several and some none."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(shape) < 0.2, 0.0, rng.normal(size=shape))


def has(j: int, place: int, first: int, backwards: bool) -> bool:
    """Whether a product has factor j."""
    return j >= place + first if backwards else j < place + first


@pytest.mark.parametrize("axis", range(3))
def test_a_product_has_the_factors_that_come_before(axis: int) -> None:
    for count, number, first, backwards in SIZES:
        x = np.moveaxis(factors(2, 3, count, seed=count), -1, axis)
        out = np.full([*x.shape[:axis], number, *x.shape[axis + 1 :]], np.nan)
        rt.running(out, x, axis, first, backwards=backwards)
        for place in range(number):
            own = [j for j in range(count) if has(j, place, first, backwards)]
            expected = np.prod(np.take(x, own, axis), axis)
            np.testing.assert_allclose(np.take(out, place, axis), expected, rtol=1e-14)


@pytest.mark.parametrize(("axis", "axes"), [(0, 1), (1, 1), (2, 1), (0, 2), (1, 2), (0, 3)])
def test_others_are_all_factors_but_one(axis: int, axes: int) -> None:
    for shape in ((3, 4, 2), (1, 1, 5), (2, 1, 1), (3, 0, 2)):
        x = factors(*shape)
        out = np.full(shape, np.nan)
        rt.others(out, x, axis, axes)
        row = tuple(range(axis, axis + axes))
        for at in np.ndindex(shape):
            left = x.copy()
            left[at] = 1
            fixed = tuple(slice(None) if k in row else at[k] for k in range(3))
            np.testing.assert_allclose(out[at], np.prod(left[fixed]), rtol=1e-14)


def slopes(weights: np.ndarray, x: np.ndarray, first: int, backwards: bool) -> np.ndarray:
    """By the definition, of one row."""
    found = np.zeros(len(x))
    for place, j in np.ndindex(len(weights), len(x)):
        if has(j, place, first, backwards):
            own = [k for k in range(len(x)) if k != j and has(k, place, first, backwards)]
            found[j] += weights[place] * np.prod(x[own])
    return found


@pytest.mark.parametrize("axis", range(2))
def test_factors_get_the_others_of_every_product(axis: int) -> None:
    for count, number, first, backwards in SIZES:
        x, weights = factors(count, 3, seed=number), np.random.default_rng(1).normal(size=(number, 3))
        out = np.full(x.shape, np.nan)
        given = (out, weights, x) if axis == 0 else (out.T, weights.T, x.T)
        rt.running_slopes(*given, axis, first, backwards=backwards)
        for k in range(3):
            expected = slopes(weights[:, k], x[:, k], first, backwards)
            np.testing.assert_allclose(out[:, k], expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("count", [2, 3, 4, 9, 50, 101])
@pytest.mark.parametrize("width", [1, 2, 63, 64])
def test_rows_in_blocks_and_one_by_one(count: int, width: int) -> None:
    """Short rows are gone through in blocks; the definition of one of them says what comes out."""
    x, weights = factors(count, width, seed=width), np.random.default_rng(2).normal(size=(count, width))
    out = np.empty_like(x)
    rt.running_slopes(out, weights, x, 0, 1)
    np.testing.assert_allclose(out[:, -1], slopes(weights[:, -1], x[:, -1], 1, False), rtol=1e-11, atol=1e-14)


def test_there_may_be_no_row() -> None:
    for shape in ((4, 0), (0, 3), (0, 0)):
        x = np.ones(shape)
        for axis in range(2):
            rt.running(np.empty(shape), x, axis, 1)
            rt.others(np.empty(shape), x, axis)
            rt.running_slopes(np.empty(shape), x, x, axis, 1)


def test_numbers_keep_their_type() -> None:
    x = factors(4, 5).astype(np.float32)
    for out in (np.empty_like(x), np.empty_like(x)):
        rt.running(out, x, 1, 0)
        rt.others(out, x, 1)
        rt.running_slopes(out, x, x, 1, 1)
        assert out.dtype == np.float32
