"""Every operation in float64, tap by tap: what errors are measured against."""

from collections.abc import Iterator, Mapping

import numpy as np

from benchmarks.rows import Array, Layer, Row


def compute(row: Row, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The results of a row in float64, channels-last, by name.

    The loss of a training step is that of the generated network, which the tests compare with PyTorch.
    """
    layer = row.layer
    given = {name: array.astype(np.float64) for name, array in arrays.items()}
    if layer.kind == "training":
        from benchmarks.sides.ours import prepare

        prepared = prepare(row, {**given, "t": arrays["t"]})
        return prepared.arrays(prepared.call())
    if layer.kind in ("max_pool", "avg_pool"):
        return _pool(layer, given["x"], given["dy"])
    return {row.operation: _convolution(layer, row.operation, **given)}


def _taps(layer: Layer) -> Iterator[tuple[int, int, tuple[slice, ...]]]:
    """Each position in the window, and what it reads of the padded image."""
    reach = (layer.out - 1) * layer.stride + 1
    for r in range(layer.kernel):
        for t in range(layer.kernel):
            top, left = r * layer.dilation, t * layer.dilation
            rows, columns = (slice(start, start + reach, layer.stride) for start in (top, left))
            yield r, t, (slice(None), rows, columns)


def _padded(layer: Layer, x: Array, value: float = 0.0) -> Array:
    p = layer.padding
    return np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)), constant_values=value)


def _inside(layer: Layer, padded: Array) -> Array:
    p = layer.padding
    return padded[:, p : p + layer.size, p : p + layer.size]


def _convolution(layer: Layer, operation: str, x: Array, dy: Array, w: Array) -> Array:
    padded = _padded(layer, x)
    images, weights, outputs = np.zeros_like(padded), np.zeros_like(w), np.zeros_like(dy)
    dense = layer.kind == "conv"
    for r, t, seen in _taps(layer):
        if operation == "forward":
            outputs += padded[seen] @ w[r, t] if dense else padded[seen] * w[r, t, :, 0]
        elif operation == "dx":
            images[seen] += dy @ w[r, t].T if dense else dy * w[r, t, :, 0]
        elif dense:
            weights[r, t] = padded[seen].reshape(-1, layer.channels).T @ dy.reshape(-1, layer.filters)
        else:
            weights[r, t, :, 0] = (padded[seen] * dy).sum((0, 1, 2))
    return {"forward": outputs, "dx": _inside(layer, images), "dw": weights}[operation]


def _pool(layer: Layer, x: Array, dy: Array) -> dict[str, Array]:
    """Padding counts in an average and never wins a maximum; of equal ones the first has the gradient."""
    greatest = layer.kind == "max_pool"
    padded = _padded(layer, x, -np.inf if greatest else 0.0)
    images = np.zeros_like(padded)
    windows = np.stack([padded[seen] for _, _, seen in _taps(layer)])
    winner = windows.argmax(0)
    for tap, (_, _, seen) in enumerate(_taps(layer)):
        images[seen] += dy * (winner == tap) if greatest else dy / layer.kernel**2
    return {"y": windows.max(0) if greatest else windows.mean(0), "dx": _inside(layer, images)}
