"""The catalogue's layers once more, in plain NumPy loops written from their textbook definitions."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Array = np.ndarray
Pairs = tuple[tuple[int, int], tuple[int, int]]


def both_axes(value: Any) -> tuple[int, int]:
    """An integer for both axes, or one each."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def padding_pairs(padding: Any, reach: tuple[int, int]) -> Pairs:
    """(start, end) of both axes from any of the forms that padding may have."""
    if padding == "same":
        return (reach[0] // 2, reach[0] - reach[0] // 2), (reach[1] // 2, reach[1] - reach[1] // 2)
    if padding == "valid":
        return (0, 0), (0, 0)
    first, second = (padding, padding) if isinstance(padding, int) else padding
    return both_axes(first), both_axes(second)


def window_count(extent: int, pads: tuple[int, int], kernel: int, stride: int, ceil_mode: bool = False) -> int:
    """Windows counted one by one: with ceil_mode also a partial one that starts before the end of the data."""
    total = extent + sum(pads)
    count = 0
    while count * stride + kernel <= total:
        count += 1
    if ceil_mode and (count - 1) * stride + kernel < total and count * stride < extent + pads[0]:
        count += 1
    return count


def conv2d(
    x: Array, w: Array, b: Array | None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Array:
    (s_h, s_w), (d_h, d_w) = both_axes(stride), both_axes(dilation)
    kernel_h, kernel_w, per_group, channels = w.shape
    pads = padding_pairs(padding, (d_h * (kernel_h - 1), d_w * (kernel_w - 1)))
    padded = np.pad(x, ((0, 0), *pads, (0, 0)))
    rows = window_count(x.shape[1], pads[0], d_h * (kernel_h - 1) + 1, s_h)
    columns = window_count(x.shape[2], pads[1], d_w * (kernel_w - 1) + 1, s_w)
    out = np.zeros((len(x), rows, columns, channels))
    for i, j, k in np.ndindex(rows, columns, channels):
        first = (k // (channels // groups)) * per_group
        for r, t, c in np.ndindex(kernel_h, kernel_w, per_group):
            out[:, i, j, k] += padded[:, i * s_h + r * d_h, j * s_w + t * d_w, first + c] * w[r, t, c, k]
    return out if b is None else out + b


def windows(
    x: Array, kernel: Any, stride: Any, pads: Pairs, dilation: Any, ceil_mode: bool
) -> Iterator[tuple[int, int, list[tuple[int, int, int]]]]:
    """Every window as its output position and the (position in the window, row, column) that lie in the input."""
    (kernel_h, kernel_w), (s_h, s_w), (d_h, d_w) = both_axes(kernel), both_axes(stride), both_axes(dilation)
    rows = window_count(x.shape[1], pads[0], d_h * (kernel_h - 1) + 1, s_h, ceil_mode)
    columns = window_count(x.shape[2], pads[1], d_w * (kernel_w - 1) + 1, s_w, ceil_mode)
    for i, j in np.ndindex(rows, columns):
        found = []
        for r, t in np.ndindex(kernel_h, kernel_w):
            row, column = i * s_h + r * d_h - pads[0][0], j * s_w + t * d_w - pads[1][0]
            if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                found.append((r * kernel_w + t, row, column))
        yield i, j, found


def max_pool2d(
    x: Array, *, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> tuple[Array, Array]:
    """The maxima and where in its window each was found first; NaN is larger than any number."""
    (kernel_h, kernel_w), (d_h, d_w) = both_axes(kernel_size), both_axes(dilation)
    pads = padding_pairs(padding, (d_h * (kernel_h - 1), d_w * (kernel_w - 1)))
    cells = list(windows(x, kernel_size, stride or kernel_size, pads, dilation, ceil_mode))
    shape = (len(x), 1 + cells[-1][0], 1 + cells[-1][1], x.shape[3])
    best, where = np.full(shape, -np.inf), np.full(shape, -1)
    for i, j, found in cells:
        for n, c in np.ndindex(len(x), x.shape[3]):
            for place, row, column in found:
                value = x[n, row, column, c]
                first, wins = where[n, i, j, c] < 0, value > best[n, i, j, c]
                if first or wins or (np.isnan(value) and not np.isnan(best[n, i, j, c])):
                    best[n, i, j, c], where[n, i, j, c] = value, place
    return best, where


def avg_pool2d(
    x: Array,
    *,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:
    kernel_h, kernel_w = both_axes(kernel_size)
    s_h, s_w = both_axes(stride or kernel_size)
    pads = padding_pairs(padding, (kernel_h - 1, kernel_w - 1))
    cells = list(windows(x, kernel_size, stride or kernel_size, pads, 1, ceil_mode))
    out = np.zeros((len(x), 1 + cells[-1][0], 1 + cells[-1][1], x.shape[3]))
    for i, j, found in cells:
        # a window of ceil_mode may reach beyond the padding; that part never counts
        padded_h = min(i * s_h + kernel_h, x.shape[1] + sum(pads[0])) - i * s_h
        padded_w = min(j * s_w + kernel_w, x.shape[2] + sum(pads[1])) - j * s_w
        count = padded_h * padded_w if count_include_pad else len(found)
        total = sum((x[:, row, column] for _, row, column in found), np.zeros((len(x), x.shape[3])))
        out[:, i, j] = total / count
    return out


def dense(x: Array, w: Array, b: Array | None) -> Array:
    out = np.zeros((len(x), w.shape[1]))
    for n, k, c in np.ndindex(len(x), *w.shape[::-1]):
        out[n, k] += x[n, c] * w[c, k]
    return out if b is None else out + b


def softmax_cross_entropy(x: Array, t: Array) -> float:
    losses = [
        -np.log(np.exp(row - row.max())[label] / np.exp(row - row.max()).sum()) for row, label in zip(x, t, strict=True)
    ]
    return float(np.mean(losses))


NAIVE: dict[str, Callable[..., Any]] = {
    "conv2d": conv2d,
    "max_pool2d": max_pool2d,
    "avg_pool2d": avg_pool2d,
    "dense": dense,
    "flatten": lambda x: np.array([image.ravel() for image in x]).reshape(len(x), int(np.prod(x.shape[1:]))),
    "relu": lambda x: np.where(x > 0, x, 0.0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)),
    "scaled_tanh": lambda x, amplitude=1.7159, slope=2 / 3: amplitude * np.tanh(slope * x),
    "softmax_cross_entropy": softmax_cross_entropy,
    "mean_squared_error": lambda x, t: float(np.mean((x - t) ** 2)),
}
