"""Errors in float32 of a 3x3 convolution on hostile data: `python -m benchmarks.accuracy` prints a table.

Every error is given twice: over the largest element of the result, and, element by element, over the sum of the
absolute values of what the element adds up. "fast" bounds the first, "strict" the second one.
"""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import product
from typing import NamedTuple

import numpy as np

from gradscribe.generated import settings
from gradscribe.generated.conv2d import conv2d_forward, conv2d_grad_input, conv2d_grad_weight

Array = np.ndarray
SIZE, CHANNELS = 28, 64
DIRECTIONS = "forward", "dx", "dw"


class Data(NamedTuple):
    """The arguments of a convolution that keeps the image's size, in float32."""

    x: Array
    w: Array
    dy: Array


def _plain(rng: np.random.Generator) -> Data:
    x, dy = (rng.normal(size=(2, SIZE, SIZE, CHANNELS)) for _ in range(2))
    w = rng.normal(size=(3, 3, CHANNELS, CHANNELS)) / np.sqrt(9 * CHANNELS)
    return Data(np.maximum(x, 0), w, dy * (rng.random(dy.shape) < 0.5))


def _scaled(low: float, high: float, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Powers of ten from low to high."""
    return np.asarray(10.0 ** rng.uniform(low, high, size=shape))


def _channels(rng: np.random.Generator) -> Data:
    d = _plain(rng)
    return Data(d.x * _scaled(-4, 4, (CHANNELS,), rng), d.w, d.dy * _scaled(-4, 4, (CHANNELS,), rng))


def _pixels(rng: np.random.Generator) -> Data:
    d = _plain(rng)
    scale = _scaled(-4, 4, (2, SIZE, SIZE, 1), rng)
    return Data(d.x * scale, d.w, d.dy * scale)


def _spikes(rng: np.random.Generator) -> Data:
    d = _plain(rng)
    scale = np.where(rng.random((2, SIZE, SIZE, 1)) < 0.02, 1e4, 1e-4)
    return Data(d.x * scale, d.w, d.dy * scale)


def _edge(rng: np.random.Generator) -> Data:
    d = _plain(rng)
    scale = np.where(np.arange(SIZE) < SIZE // 2, 1e-4, 1e4)[:, None]
    return Data(d.x * scale, d.w, d.dy * scale)


def _taps(rng: np.random.Generator) -> Data:
    d = _plain(rng)
    return Data(d.x, d.w * 10.0 ** np.linspace(-6, 6, 9).reshape(3, 3, 1, 1), d.dy)


KINDS: dict[str, Callable[[np.random.Generator], Data]] = {
    "rectified, realistic": _plain,
    "channels 1e-4 to 1e4": _channels,
    "pixels 1e-4 to 1e4": _pixels,
    "spikes 1e4, rest 1e-4": _spikes,
    "step edge 1e-4 to 1e4": _edge,
    "taps 1e-6 to 1e6": _taps,
}


def data(kind: str, seed: int = 0) -> Data:
    """The arguments of that kind."""
    return Data(*(v.astype(np.float32) for v in KINDS[kind](np.random.default_rng(seed))))


def directly(d: Data) -> Data:
    """The output and both gradients as they are defined, in float64, in the order of `DIRECTIONS`."""
    x = np.pad(d.x.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
    w, dy = d.w.astype(np.float64), d.dy.astype(np.float64)
    y, dx, dw = np.zeros(dy.shape), np.zeros_like(x), np.zeros_like(w)
    for r, t in product(range(3), repeat=2):
        at = np.s_[:, r : r + SIZE, t : t + SIZE]
        y += x[at] @ w[r, t]
        dx[at] += dy @ w[r, t].T
        dw[r, t] = np.tensordot(x[at], dy, ((0, 1, 2), (0, 1, 2)))
    return Data(y, dx[:, 1:-1, 1:-1], dw)


def ours(d: Data) -> Data:
    """The same by the generated functions."""
    return Data(
        conv2d_forward(d.x, d.w, padding=1),
        conv2d_grad_input(d.dy, d.w, input_shape=d.x.shape, padding=1),
        conv2d_grad_weight(d.dy, d.x, kernel_size=3, padding=1),
    )


def theirs(d: Data) -> Data:
    """The same by PyTorch."""
    import torch

    x, w = (torch.tensor(v).requires_grad_() for v in (d.x, d.w))
    y = torch.nn.functional.conv2d(x.permute(0, 3, 1, 2), w.permute(3, 2, 0, 1), padding=1).permute(0, 2, 3, 1)
    y.backward(torch.tensor(d.dy))
    return Data(y.detach().numpy(), x.grad.numpy(), w.grad.numpy())


class Error(NamedTuple):
    """The greatest error over the largest element, and that over what its own element adds up."""

    whole: float
    own: float


def errors(found: Data, expected: Data, magnitude: Data) -> tuple[Error, ...]:
    """Per direction the errors; `magnitude` is `expected` of the absolute values."""
    rows = zip(found, expected, magnitude, strict=True)
    differences = ((np.abs(f - e), e, m) for f, e, m in rows)
    return tuple(
        Error(float(d.max() / np.abs(e).max()), float((d / np.maximum(m, 1e-300)).max())) for d, e, m in differences
    )


def absolute(d: Data) -> Data:
    """The arguments without signs."""
    return Data(*(np.abs(v) for v in d))


def table() -> Iterator[str]:
    """The lines of the table."""
    sides: dict[str, Callable[[Data], Data]] = {"strict": _strictly, "fast": ours}
    sides = ({"PyTorch": theirs} if find_spec("torch") else {}) | sides
    yield f"| data | | {' | '.join(sides)} |"
    yield "|---|---|" + "---|" * len(sides)
    for kind in KINDS:
        given = data(kind)
        expected, magnitude = directly(given), directly(absolute(given))
        found = [errors(compute(given), expected, magnitude) for compute in sides.values()]
        for k, direction in enumerate(DIRECTIONS):
            cells = (
                f"{part[k].whole:.0e}; {part[k].own:.0e}".replace("e-0", "e-").replace("e+00", "") for part in found
            )
            yield f"| {kind if k == 0 else ''} | {direction} | {' | '.join(cells)} |"


def _strictly(d: Data) -> Data:
    with settings(accuracy="strict"):
        return ours(d)


if __name__ == "__main__":
    print("\n".join(table()))
