"""How accurate an algorithm is in float32, measured.

The experiment: 128 channels, 32 kernels, 32 tiles; elements of tiles and kernels are drawn from the normal
distribution, and once more with the negative elements of tiles set to 0, as they are after a rectifier. The error is
the greatest difference from the plain correlation in float64, relative to the greatest element of that. The greatest of
8 seeds and both kinds of data counts.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from itertools import product
from math import pi, prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradscribe.derive.catalogue.winograd.cook_toom import CookToom, Rows, fractions

Array = NDArray[Any]

CHANNELS, KERNELS, TILES, SEEDS = 128, 32, 32, 8


def amplification(algorithm: CookToom) -> float:
    """What rounding is multiplied by, predicted; of both kinds of data, the geometric mean.

    Every product at a point is taken to be rounded by itself, relative to its own size, and A^T adds these errors up.
    The worst output counts, over the r products that it consists of by definition. Along one axis this is the variance;
    along two it is multiplied by that of the other axis, so that the error itself, its root, grows with this number.
    """
    return amplified(*map(fractions, (algorithm.output, algorithm.kernel, algorithm.data)))


def amplified(*transforms: Rows) -> float:
    """The same of the rows of A^T, G and B^T."""
    output, kernel, data = (np.array(rows, dtype=float) for rows in transforms)
    sums, squares = data.sum(1) ** 2, (data**2).sum(1)
    mean = 1 / (2 * pi)  # of a rectified normal number, squared; its variance is 1/2 less this
    rectified = 2 * (mean * sums + (0.5 - mean) * squares)
    grown = (output**2 @ ((kernel**2).sum(1) * values) / kernel.shape[1] for values in (squares, rectified))
    return sqrt(prod(float(e.max()) for e in grown))


def measured_error(algorithm: CookToom, dims: int = 2, dtype: type = np.float32) -> float:
    """The greatest error of the experiment.

    Args:
        algorithm: the 1-D algorithm.
        dims: how many axes it is nested along.
        dtype: what is computed in.
    """
    return max(e for rectified in (False, True) for e in errors(algorithm, dims, dtype, rectified))


def plain_error(algorithm: CookToom, dims: int = 2, dtype: type = np.float32) -> float:
    """The same for the plain correlation that the algorithm computes."""
    compute = partial(plain, algorithm.m)
    return max(e for rectified in (False, True) for e in errors(algorithm, dims, dtype, rectified, compute))


def errors(
    algorithm: CookToom,
    dims: int = 2,
    dtype: type = np.float32,
    rectified: bool = False,
    compute: Callable[[Array, Array], Array] | None = None,
) -> list[float]:
    """The error of every seed; of `compute`, or of the algorithm by default."""
    found = compute or partial(nested, algorithm)
    draws = (drawn(algorithm.m, algorithm.r, dims, dtype, seed, rectified) for seed in range(SEEDS))
    return [_error(found(data, kernel), expected) for data, kernel, expected in draws]


@lru_cache(maxsize=4 * SEEDS)  # both kinds for two algorithms: they are asked for again with other points, and plainly
def drawn(m: int, r: int, dims: int, dtype: type, seed: int, rectified: bool) -> tuple[Array, Array, Array]:
    """Tiles, (n, ..., tiles, channels), kernels, (r, ..., channels, kernels), and their correlation in float64."""
    rng = np.random.default_rng(seed)
    data: Array = rng.standard_normal((*[m + r - 1] * dims, TILES, CHANNELS)).astype(dtype)
    kernel: Array = rng.standard_normal((*[r] * dims, CHANNELS, KERNELS)).astype(dtype)
    data = np.maximum(data, 0) if rectified else data
    return data, kernel, plain(m, data.astype(np.float64), kernel.astype(np.float64))


def _error(found: Array, expected: Array) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def nested(algorithm: CookToom, data: Array, kernel: Array) -> Array:
    """The outputs of tiles by the algorithm along each of the leading axes, in the type of `data`.

    Args:
        algorithm: F(m, r).
        data: tiles, (n, ..., tiles, channels).
        kernel: (r, ..., channels, kernels).

    Returns:
        Outputs, (m, ..., tiles, kernels).
    """
    for axis in range(data.ndim - 2):
        data = transformed(algorithm.data, data, axis)
        kernel = transformed(algorithm.kernel, kernel, axis)
    outputs = np.matmul(data, kernel)
    for axis in range(data.ndim - 2):
        outputs = transformed(algorithm.output, outputs, axis)
    return outputs


def transformed(matrix: Any, array: Array, axis: int) -> Array:
    """A matrix applied along one axis, in the array's type."""
    rounded = np.array(matrix.tolist(), dtype=np.float64).astype(array.dtype)
    return np.ascontiguousarray(np.moveaxis(np.tensordot(rounded, array, (1, axis)), 0, axis))


def plain(m: int, data: Array, kernel: Array) -> Array:
    """The correlation as it is defined; shapes as in `nested`."""
    dims = data.ndim - 2
    taps = product(*map(range, kernel.shape[:dims]))
    shifted = ((data[tuple(slice(t, t + m) for t in tap)], kernel[tap]) for tap in taps)
    return np.asarray(sum(np.matmul(part, weights) for part, weights in shifted))
