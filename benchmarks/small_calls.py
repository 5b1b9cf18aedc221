"""What calls on small arrays take over their arithmetic: the same sums by hand, on arrays and views made before.

    python -m benchmarks.small_calls [--publish]

prints the table of docs/speed.md, and writes it there.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.history import about
from benchmarks.report import write_between
from benchmarks.rows import Array
from benchmarks.shown import number, table
from gradscribe import generated

PAGE = Path(__file__).parents[1] / "docs" / "speed.md"
CALLS, ROUNDS = 100, 120
RNG = np.random.default_rng(0)


class Small(NamedTuple):
    """A call, and what NumPy has to compute for it."""

    title: str
    call: Callable[[], Any]
    arithmetic: Callable[[], Any]


def main() -> None:
    """Print the table, and write it to the page if asked for."""
    a = about("python -m benchmarks.small_calls")
    rows = [*small_calls()]
    taken = _fastest([call for row in rows for call in (row.call, row.arithmetic)])
    lines = [
        [row.title, number(whole), number(needed), number(whole - needed)]
        for row, whole, needed in zip(rows, taken[::2], taken[1::2], strict=True)
    ]
    shown = table(("call", "µs", "its arithmetic", "over it"), lines)
    found = f"Measured on {a['processor']}, one thread, Python {a['python']}, {a['date']}.\n\n{shown}\n"
    print(found)
    if "--publish" in sys.argv[1:]:
        write_between(PAGE, found, "small calls")


def _fastest(calls: Sequence[Callable[[], Any]]) -> list[float]:
    """Microseconds of each call, the least of many rounds in turns: whatever disturbs makes it longer."""
    best = [float("inf")] * len(calls)
    for _ in range(ROUNDS):
        for k, call in enumerate(calls):
            start = time.perf_counter()
            for _ in range(CALLS):
                call()
            best[k] = min(best[k], (time.perf_counter() - start) / CALLS * 1e6)
    return best


def _random(*shape: int) -> Array:
    return RNG.standard_normal(shape, np.float32)


def small_calls() -> Iterator[Small]:
    """Convolution, dense, pools and a pointwise layer."""
    x, w, b, dy = _random(1, 4, 4, 2), _random(3, 3, 2, 4), _random(4), _random(1, 2, 2, 4)
    seen = sliding_window_view(x, (3, 3), (1, 2))[0].transpose(0, 1, 3, 4, 2)
    columns, matrix, sums = np.empty((2, 2, 3, 3, 2), np.float32), w.reshape(18, 4), np.empty((4, 4), np.float32)
    rows, gradient, places = dy.reshape(4, 4), np.empty((18, 4), np.float32), np.empty((1, 2, 2, 3, 3, 2), np.float32)

    def convolved() -> Array:
        np.copyto(columns, seen)
        return np.matmul(columns.reshape(4, 18), matrix, out=sums)

    def biased() -> Array:
        return np.add(convolved(), b, out=sums)

    def scattered() -> Array:
        np.matmul(rows, matrix.T, out=places.reshape(4, 18))
        dx = np.zeros(x.shape, np.float32)
        for r in range(3):
            for t in range(3):
                dx[:, r : r + 2, t : t + 2] += places[:, :, :, r, t]
        return dx

    def correlated() -> Array:
        np.copyto(columns, seen)
        return np.matmul(columns.reshape(4, 18).T, rows, out=gradient)

    yield Small("conv2d, forward", lambda: generated.conv2d_forward(x, w), convolved)
    yield Small("conv2d, dx", lambda: generated.conv2d_grad_input(dy, w, input_shape=x.shape), scattered)
    yield Small("conv2d, dw", lambda: generated.conv2d_grad_weight(dy, x, kernel_size=3), correlated)
    xs, ws, dys = _random(4, 8), _random(8, 5), _random(4, 5)
    yield Small("dense, forward", lambda: generated.dense_forward(xs, ws), lambda: np.matmul(xs, ws))
    yield Small("dense, dx", lambda: generated.dense_grad_input(dys, ws), lambda: np.matmul(dys, ws.T))
    yield Small("dense, dw", lambda: generated.dense_grad_weight(dys, xs), lambda: np.matmul(xs.T, dys))
    windows = sliding_window_view(x, (2, 2), (1, 2))[:, ::2, ::2]
    dpool = _random(1, 2, 2, 2)
    _, argmax = generated.max_pool2d_forward(x, kernel_size=2)
    taps = np.arange(4).reshape(4, 1, 1, 1, 1)
    rows_seen, columns_seen = np.full(2, 2, np.float32), np.full(2, 2, np.float32)

    def largest() -> tuple[Array, Array]:
        flat = windows.reshape(8, 4)
        return flat.max(-1), flat.argmax(-1)

    def routed() -> Array:
        argmax.min()
        argmax.max()  # a position must be one
        chosen = np.where(argmax == taps, dpool, 0)
        dx = np.zeros(x.shape, np.float32)
        for k in range(4):
            dx[:, k // 2 :: 2, k % 2 :: 2] += chosen[k]
        return dx

    def spread() -> Array:
        dx = np.zeros(x.shape, np.float32)
        shared = dpool * (1 / (rows_seen[:, None, None] * columns_seen[:, None]))
        for k in range(4):
            dx[:, k // 2 :: 2, k % 2 :: 2] += shared
        return dx

    options: dict[str, Any] = {"kernel_size": 2}
    shape: dict[str, Any] = {"input_shape": x.shape, **options}
    yield Small("max_pool2d, forward", lambda: generated.max_pool2d_forward(x, **options), largest)
    yield Small("max_pool2d, dx", lambda: generated.max_pool2d_grad_input(dpool, argmax, **shape), routed)
    yield Small(
        "avg_pool2d, forward",
        lambda: generated.avg_pool2d_forward(x, **options),
        lambda: np.add.reduce(windows, axis=(-2, -1)) * (1 / (rows_seen[:, None, None] * columns_seen[:, None])),
    )
    yield Small("avg_pool2d, dx", lambda: generated.avg_pool2d_grad_input(dpool, **shape), spread)
    yield Small("relu, forward", lambda: generated.relu_forward(x), lambda: np.maximum(x, 0))
    yield Small("conv2d with a bias", lambda: generated.conv2d_forward(x, w, b), biased)


if __name__ == "__main__":
    main()
