"""Textbook NumPy, for scale: im2col with all columns in memory, and numpy-ml's algorithm with index arrays."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import DTypeLike

from benchmarks.rows import Array, Layer, Row
from benchmarks.sides import Prepared, Unsupported

chosen: list[str] = ["im2col"]
"""The way of this process: "im2col" or "numpy-ml"."""


def start(threads: int, way: str) -> None:
    """Choose the way, once per process; threads are those of BLAS, which the driver has chosen."""
    chosen[0] = way


def release() -> None:
    """Nothing is kept."""


def prepare(row: Row, arrays: Mapping[str, Array]) -> Prepared:
    """The row's operation on these arrays.

    Raises:
        Unsupported: for all but dense convolutions.
    """
    layer = row.layer
    if not isinstance(layer, Layer) or (layer.kind, layer.axes, layer.groups) != ("conv", 2, 1):
        raise Unsupported("the textbook's convolution only")
    x, dy, w = (arrays[name] for name in ("x", "dy", "w"))
    columns, image = (im2col, col2im) if chosen[0] == "im2col" else (gathered, scattered)
    calls: dict[str, Callable[[], Array]] = {
        "forward": lambda: (columns(layer, x) @ w.reshape(-1, layer.filters)).reshape(dy.shape),
        "dx": lambda: image(layer, dy.reshape(-1, layer.filters) @ w.reshape(-1, layer.filters).T),
        "dw": lambda: (columns(layer, x).T @ dy.reshape(-1, layer.filters)).reshape(w.shape),
    }
    return Prepared(calls[row.operation], lambda found: {row.operation: found})


def _padded(layer: Layer, x: Array) -> Array:
    p = layer.padding
    return np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))


def _inside(layer: Layer, padded: Array) -> Array:
    p = layer.padding
    return padded[:, p : p + layer.size, p : p + layer.size]


def _empty(layer: Layer, dtype: DTypeLike) -> Array:
    side = layer.size + 2 * layer.padding
    return np.zeros((layer.batch, side, side, layer.channels), dtype)


# ----- im2col ---------------------------------------------------------------------------------------------------------
def im2col(layer: Layer, x: Array) -> Array:
    """All windows as rows, (N*OH*OW, KH*KW*C)."""
    reach = layer.dilation * (layer.kernel - 1) + 1
    s, d = layer.stride, layer.dilation
    windows = sliding_window_view(_padded(layer, x), (reach, reach), axis=(1, 2))[:, ::s, ::s, :, ::d, ::d]
    return windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, layer.kernel**2 * layer.channels)


def col2im(layer: Layer, columns: Array) -> Array:
    """The windows' elements added where they come from, one tap after the other."""
    k, s, d, out = layer.kernel, layer.stride, layer.dilation, layer.out
    taps = columns.reshape(layer.batch, out, out, k, k, layer.channels)
    padded = _empty(layer, columns.dtype)
    for r in range(k):
        for t in range(k):
            rows, columns_of = (slice(start, start + s * (out - 1) + 1, s) for start in (r * d, t * d))
            padded[:, rows, columns_of] += taps[:, :, :, r, t]
    return _inside(layer, padded)


# ----- numpy-ml -------------------------------------------------------------------------------------------------------
def _indices(layer: Layer) -> tuple[Array, Array]:
    """The position in the image of every element of every window, (OH, OW, KH, KW) each."""
    out = layer.stride * np.arange(layer.out)
    tap = layer.dilation * np.arange(layer.kernel)
    rows = out[:, None, None, None] + tap[:, None]
    columns = out[:, None, None] + tap
    shape = (layer.out, layer.out, layer.kernel, layer.kernel)
    return np.broadcast_to(rows, shape), np.broadcast_to(columns, shape)


def gathered(layer: Layer, x: Array) -> Array:
    """All windows as rows, gathered by index arrays."""
    rows, columns = _indices(layer)
    return _padded(layer, x)[:, rows, columns].reshape(-1, layer.kernel**2 * layer.channels)


def scattered(layer: Layer, columns: Array) -> Array:
    """The windows' elements added by index arrays."""
    padded = _empty(layer, columns.dtype)
    rows, columns_of = _indices(layer)
    values = columns.reshape(layer.batch, *rows.shape, layer.channels)
    places: Any = slice(None), rows, columns_of
    np.add.at(padded, places, values)
    return _inside(layer, padded)
