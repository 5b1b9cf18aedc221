"""Sums over axes."""

from itertools import product
from math import prod

import numpy as np

from ..arguments.arrays import Array
from ..arguments.traced import tracing
from ..machine.threads import one_blas_thread

LARGE = 1 << 12
"""Elements from which on it pays to look for the fastest way to sum them."""

FEW = 16
"""Summands that are added slice by slice."""

ROWS = 256
"""Rows that BLAS adds up at a time; in float32 that many lose no accuracy."""

FEW_ROWS = 512
"""Rows up to which a row is added to each by itself."""


def total(values: Array, axis: int | tuple[int, ...]) -> Array:
    """The sum over `axis`; in float32 a long sum would stop growing, so its parts are added up in float64.

    Few summands are added slice by slice; summed axes that lead in memory are products with a row of ones.
    """
    axes = tuple(k % values.ndim for k in (axis if isinstance(axis, tuple) else (axis,)))
    count_ = prod(values.shape[k] for k in axes)
    if values.dtype.kind == "f" and values.size >= LARGE and tracing() is None:
        kept = tuple(k for k in range(values.ndim) if k not in axes)
        moved = values.transpose(axes + kept)
        if 1 < count_ <= FEW:
            slices = [moved[place] for place in product(*(range(values.shape[k]) for k in axes))]
            added: Array = slices[0] + slices[1]
            for part in slices[2:]:
                added += part
            return added
        if count_ >= ROWS and moved.flags.c_contiguous and moved.size > count_:
            return _column_sums(moved.reshape(count_, -1)).reshape([values.shape[k] for k in kept])
    result: Array = values.sum(axis=axis, dtype=np.float64)
    return result.astype(values.dtype, copy=False)


def _column_sums(matrix: Array) -> Array:
    """The sums of the columns: of blocks of rows by BLAS, of these in float64."""
    whole = len(matrix) // ROWS * ROWS
    blocks_ = matrix[:whole].reshape(-1, ROWS, matrix.shape[1])
    with one_blas_thread():
        sums = np.matmul(np.ones(ROWS, matrix.dtype), blocks_).sum(axis=0, dtype=np.float64)
    sums += matrix[whole:].sum(axis=0, dtype=np.float64)
    return np.asarray(sums.astype(matrix.dtype, copy=False))


def add_row(target: Array, row: Array) -> None:
    """Add `row` along the last axes, to several of many rows at a time: short ones cost more than their elements.

    A recorded call adds it as it is: copies of it would be those of one call.
    """
    if target.size > FEW_ROWS * row.size and target.flags.c_contiguous and tracing() is None:
        number = target.shape[-1 - row.ndim]
        row = np.broadcast_to(row, (number, *row.shape)).reshape(number * row.size)
        target = target.reshape(prod(target.shape) // max(1, row.size), row.size)
    target += row
