"""Running maxima and minima, their positions, and shares: ties, NaN, infinity, parts of arrays."""

import numpy as np
import pytest

from gradscribe.generated import runtime as rt


def largest(*values: float) -> tuple[float, int]:
    """The maximum of `values`, one after the other, and its position."""
    best, position = np.full(1, -np.inf), np.full(1, -1)
    for here, value in enumerate(values):
        rt.maximise(best, position, np.array([value]), here)
    return float(best[0]), int(position[0])


@pytest.mark.parametrize(
    ("values", "position"),
    [
        ((), -1),
        ((3.0,), 0),
        ((1.0, 2.0, 2.0), 1),
        ((5.0, 5.0), 0),
        ((0.0, -0.0), 0),
        ((-np.inf, -np.inf), 0),
        ((-np.inf, -1e300), 1),
        ((np.inf, np.inf), 0),
        ((1.0, np.nan, 2.0, np.nan), 1),
        ((np.nan, np.inf), 0),
        ((np.nan, np.nan), 0),
        ((np.inf, np.nan), 1),
    ],
)
def test_maximise(values: tuple[float, ...], position: int) -> None:
    best, found = largest(*values)
    assert found == position
    np.testing.assert_equal(best, values[position] if values else -np.inf)


@pytest.mark.parametrize(
    ("values", "position"),
    [
        ((), -1),
        ((1.0, 2.0, 1.0), 0),
        ((3.0, 2.0, 2.0), 1),
        ((0.0, -0.0), 0),
        ((np.inf, np.inf), 0),
        ((np.inf, 1e300), 1),
        ((1.0, np.nan, -2.0, np.nan), 1),
        ((np.nan, -np.inf), 0),
        ((-np.inf, np.nan), 1),
    ],
)
def test_minimise(values: tuple[float, ...], position: int) -> None:
    best, found = np.full(1, np.inf), np.full(1, -1)
    for here, value in enumerate(values):
        rt.minimise(best, found, np.array([value]), here)
    assert found[0] == position
    np.testing.assert_equal(best[0], values[position] if values else np.inf)


def test_share_divides_only_where_the_bracket_holds() -> None:
    where = np.array([[True, False], [False, True]])
    above, below = np.array([[6.0, 1.0], [np.inf, 8.0]]), np.array([[2.0, 0.0], [np.inf, 4.0]])
    np.testing.assert_array_equal(rt.share(where, above, below), [[3, 0], [0, 2]])  # and no warning


def test_share_keeps_the_type() -> None:
    where, below = np.array([True, True]), np.array([2.0, 4.0], np.float32)
    for above in (1, 1.0, np.ones(2, np.float32)):
        found = rt.share(where, above, below)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, [0.5, 0.25])


def test_maximise_writes_into_parts_of_arrays() -> None:
    best, position = np.full((2, 4), -np.inf, np.float32), np.full((2, 4), -1)
    rt.maximise(best[:, ::2], position[:, ::2], np.ones((2, 2), np.float32), 7)
    np.testing.assert_array_equal(best[:, ::2], 1)
    np.testing.assert_array_equal(best[:, 1::2], -np.inf)
    np.testing.assert_array_equal(position, [[7, -1, 7, -1]] * 2)
