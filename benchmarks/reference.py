"""Every operation in float64, tap by tap or by its formula: what errors are measured against."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.cases.equations import EQUATIONS, Equation
from benchmarks.cases.formulas import by_formula
from benchmarks.rows import RECURRENCES, Array, Layer, Row

GENERATED = ("training", "inference", "perceptron", "block", EQUATIONS, *RECURRENCES)


def compute(row: Row, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The results of a row in float64, channels-last, by name.

    Steps and whole networks are computed by the generated functions, which the tests, and PyTorch's side, compare with.
    """
    layer = row.layer
    given = {name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in arrays.items()}
    if layer.kind in GENERATED:
        from benchmarks.sides.ours import prepare

        prepared = prepare(row, given | {"t": arrays["t"]} if "t" in arrays else given)
        return prepared.arrays(prepared.call())
    if isinstance(layer, Equation):
        raise TypeError("equations are computed by the generated functions")
    if not isinstance(layer, Layer):
        return by_formula(layer, row.operation, given)
    if layer.kind in ("max_pool", "avg_pool"):
        return _pool(layer, given["x"], given["dy"])
    if layer.kind == "transposed":
        return {row.operation: _transposed(layer, row.operation, **given)}
    return {row.operation: _convolution(layer, row.operation, **given)}


def _taps(layer: Layer) -> Iterator[tuple[Any, tuple[slice, ...]]]:
    """Each position in the window, and what it reads of the padded image."""
    reach = (layer.out - 1) * layer.stride + 1
    for tap in np.ndindex(*(layer.kernel,) * layer.axes):
        starts = [layer.dilation * t for t in tap]
        yield tap, (slice(None), *(slice(start, start + reach, layer.stride) for start in starts))


def _padded(layer: Layer, x: Array, value: float = 0.0) -> Array:
    p = layer.padding
    return np.pad(x, ((0, 0), *((p, p),) * layer.axes, (0, 0)), constant_values=value)


def _inside(layer: Layer, padded: Array) -> Array:
    return padded[(slice(None), *(slice(layer.padding, layer.padding + layer.size),) * layer.axes)]


def _convolution(layer: Layer, operation: str, x: Array, dy: Array, w: Array) -> Array:
    padded = _padded(layer, x)
    images, weights, outputs = np.zeros_like(padded), np.zeros_like(w), np.zeros_like(dy)
    compute = _depthwise if layer.kind == "depthwise" else _dense
    for tap, seen in _taps(layer):
        for group in range(layer.groups):
            c, k = (_part(n, group, layer.groups) for n in (layer.channels, layer.filters))
            read, kernel = (*seen, c), w[tap][..., k]
            target = {"forward": outputs[..., k], "dx": images[read], "dw": weights[tap][..., k]}[operation]
            compute(operation, padded[read], dy[..., k], kernel, target)
    return {"forward": outputs, "dx": _inside(layer, images), "dw": weights}[operation]


def _part(length: int, group: int, groups: int) -> slice:
    return slice(group * length // groups, (group + 1) * length // groups)


def _dense(operation: str, read: Array, made: Array, kernel: Array, target: Array) -> None:
    if operation == "forward":
        target += read @ kernel
    elif operation == "dx":
        target += made @ kernel.T
    else:
        target += read.reshape(-1, read.shape[-1]).T @ made.reshape(-1, made.shape[-1])


def _depthwise(operation: str, read: Array, made: Array, kernel: Array, target: Array) -> None:
    if operation == "forward":
        target += read * kernel[:, 0]
    elif operation == "dx":
        target += made * kernel[:, 0]
    else:
        target[:, 0] += (read * made).sum((0, 1, 2))


def _transposed(layer: Layer, operation: str, x: Array, dy: Array, w: Array) -> Array:
    """The gradients of the convolution that reads dy: its input's is what is computed here."""
    other = replace(layer, kind="conv", size=layer.out, channels=layer.filters, filters=layer.channels)
    dual = {"forward": "dx", "dx": "forward", "dw": "dw"}[operation]
    return _convolution(other, dual, x=dy, dy=x, w=w)


def _pool(layer: Layer, x: Array, dy: Array) -> dict[str, Array]:
    """Padding counts in an average and never wins a maximum; of equal ones the first has the gradient."""
    greatest = layer.kind == "max_pool"
    padded = _padded(layer, x, -np.inf if greatest else 0.0)
    images = np.zeros_like(padded)
    windows = np.stack([padded[seen] for _, seen in _taps(layer)])
    winner = windows.argmax(0)
    for tap, (_, seen) in enumerate(_taps(layer)):
        images[seen] += dy * (winner == tap) if greatest else dy / layer.kernel**2
    return {"y": windows.max(0) if greatest else windows.mean(0), "dx": _inside(layer, images)}
