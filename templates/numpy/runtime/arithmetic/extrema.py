"""Maxima and minima, and where they are."""

from math import prod
from typing import Any

import numpy as np

from ..arguments.arrays import Array


def maximise(best: Array, position: Array, value: Array, here: int, where: Any = True) -> None:
    """Raise `best` to `value` where that is larger (or NaN, or the first of all) and record the position.

    Where `where` is false there is no value.
    """
    _exchange(best, position, value, here, ~(value <= best), where)


def minimise(best: Array, position: Array, value: Array, here: int, where: Any = True) -> None:
    """Lower `best` to `value` where that is smaller (or NaN, or the first of all) and record the position, likewise."""
    _exchange(best, position, value, here, ~(value >= best), where)


def _exchange(best: Array, position: Array, value: Array, here: int, better: Array, where: Any) -> None:
    better &= best == best  # a NaN stays
    better |= position < 0
    better &= where
    np.copyto(best, value, where=better)
    np.copyto(position, here, where=better)


def first_max(best: Array, position: Array, values: Array, axes: int, where: Array | None = None) -> None:
    """The maximum over the last `axes` axes and the row-major position of the first one; as it is over no element.

    Args:
        best: the maxima.
        position: their positions.
        values: what they are taken of.
        axes: over how many axes.
        where: which values there are; all by default.
    """
    _search(best, position, values, axes, np.argmax, where, -np.inf)


def first_min(best: Array, position: Array, values: Array, axes: int, where: Array | None = None) -> None:
    """The minimum, likewise."""
    _search(best, position, values, axes, np.argmin, where, np.inf)


def _search(
    best: Array, position: Array, values: Array, axes: int, find: Any, where: Array | None, empty: float
) -> None:
    if where is not None:
        values, where = np.broadcast_arrays(np.where(where, values, empty), where)
    flat = _as_one_axis(values, axes)
    if not flat.shape[-1]:
        return
    found = find(flat, axis=-1)[..., None]
    taken = np.take_along_axis(flat, found, -1)
    if where is not None:  # where the best value is that of none, it may have been found at a place without a value
        there = _as_one_axis(where, axes)
        first = there.argmax(axis=-1)[..., None]
        found = np.where(np.take_along_axis(there, found, -1), found, first)
        found = np.where(np.take_along_axis(there, found, -1), found, -1)
    position[...] = found[..., 0]  # of more axes where the values do not depend on all of them
    best[...] = taken[..., 0]


def _as_one_axis(values: Array, axes: int) -> Array:
    """The last `axes` axes as one."""
    kept = values.shape[: values.ndim - axes]
    return values.reshape(*kept, prod(values.shape[values.ndim - axes :]))
