"""What a row cannot go below: the products alone, the passes alone, the bytes alone, beside the times of a run.

Every experiment is what a row cannot do without, with everything else left out: no packing, no transform, no argument
checked. Products and passes are NumPy's: where they take longer than PyTorch takes for the whole row, no kernel made of
NumPy calls can be faster. Bytes are read and written by whoever computes.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import NamedTuple

import numpy as np
import threadpoolctl

from benchmarks import blas, history


class Experiment(NamedTuple):
    """What is done, for which row, and a call that does it."""

    what: str
    row: str
    call: Callable[[], object]


def products(rows: int, summed: int, columns: int, number: int = 1) -> Callable[[], object]:
    """Matrix products and nothing else."""
    a, b = np.ones((number, rows, summed), np.float32), np.ones((number, summed, columns), np.float32)
    out = np.empty((number, rows, columns), np.float32)
    return lambda: np.matmul(a, b, out=out)


def passes(elements: int, number: int) -> Callable[[], object]:
    """So many calls of a ufunc over all elements, block by block within the cache."""
    block = 1 << 16
    a, b = np.ones(block, np.float32), np.ones(block, np.float32)
    count = number * elements // block

    def call() -> None:
        for _ in range(count):
            np.multiply(a, b, out=b)

    return call


def copy(read: int, written: int) -> Callable[[], object]:
    """So many elements read and so many written."""
    a, b, both = np.ones(read, np.float32), np.empty(written, np.float32), min(read, written)

    def call() -> None:
        np.copyto(b[:both], a[:both])
        a[both:].max(initial=0)
        b[both:].fill(1)

    return call


def together(*calls: Callable[[], object]) -> Callable[[], object]:
    """One after the other."""
    return lambda: [call() for call in calls]


def steps(layers: Sequence[tuple[int, ...]], inputs: int = 0) -> Callable[[], object]:
    """The products of layers in the forward direction and by both factors, by inputs from layer `inputs` on."""
    forward = [products(m, k, n, *number) for m, k, n, *number in layers]
    of_weights = [products(k, m, n, *number) for m, k, n, *number in layers]
    of_inputs = [products(m, n, k, *number) for m, k, n, *number in layers[inputs:]]
    return together(*forward, *of_weights, *of_inputs)


LENET = (64 * 28 * 28, 25, 6), (64 * 10 * 10, 150, 16), (64, 400, 120), (64, 120, 84), (64, 84, 10)
"""Of 64 images, columns there; its input has no gradient."""
PERCEPTRON = (64, 784, 256), (64, 256, 128), (64, 128, 10)
BLOCK = (
    *((512, 128, 128),) * 4, (64, 32, 64, 32), (64, 64, 32, 32), (512, 128, 512), (512, 512, 128),
)  # fmt: skip
"""8 texts of 64 words of 128 numbers: weights of queries, keys, values and their merge, 4 heads, two dense layers."""


def lenet_passes() -> Callable[[], object]:
    """And what lies between: columns of both convolutions copied, theirs of the input's gradient added up, tanh."""
    columns, images, hidden = 64 * (28 * 28 * 25 + 10 * 10 * 150), 64 * 28 * 28 * 6, 64 * 10 * 10 * 16
    return together(copy(columns, columns), passes(64 * 10 * 10 * 150, 1), tanh(images + hidden), passes(images, 8))


def tanh(elements: int) -> Callable[[], object]:
    """That of all elements, block by block within the cache."""
    a = np.ones(1 << 16, np.float32)
    return lambda: [np.tanh(a) for _ in range(elements >> 16)]


def attention(heads: int, length: int, width: int) -> Callable[[], object]:
    """Both products of every head, and the exponentials between."""
    scores = products(length, width, length, heads)
    return together(scores, exponentials(heads * length**2), products(length, length, width, heads))


def exponentials(elements: int) -> Callable[[], object]:
    """Those of all elements."""
    a, b = np.ones(elements, np.float32), np.empty(elements, np.float32)
    return lambda: np.exp(a, out=b)


def read(elements: int) -> Callable[[], object]:
    """So many elements read."""
    a = np.ones(elements, np.float32)
    return a.max


def experiments() -> Iterator[Experiment]:
    """The rows of the table."""
    image = 8 * 112 * 112
    yield Experiment("36 products of F(4x4, 3x3)", "A: 3x3 64 to 128 at 112, forward", products(3136, 64, 128, 36))
    yield Experiment("36 products of F(4x4, 3x3)", "A: 3x3 512 to 512 at 14, forward", products(64, 512, 512, 36))
    yield Experiment("16 products of F(2x2, 3x3)", "A: 3x3 64 to 128 at 112, dx", products(12544, 128, 64, 16))
    yield Experiment("one product, columns there", "B: 7x7/2 3 to 64 at 224, forward", products(50176, 147, 64))
    yield Experiment("one product, columns there", "B: 3x3/2 128 to 128 at 56, forward", products(3136, 1152, 128))
    yield Experiment("one product", "B: 1x1 64 to 256 at 56, forward", products(12544, 64, 256))
    yield Experiment("one product, columns there", "LeNet: conv2 5x5 6 to 16 at 14, forward", products(6400, 150, 16))
    yield Experiment("one product, columns there", "LeNet: conv2 5x5 6 to 16 at 14, dw", products(150, 6400, 16))
    yield Experiment("one product, columns there", "LeNet: conv1 5x5 1 to 6 at 32, dw", products(25, 64 * 784, 6))
    yield Experiment("36 products of F(4x4, 3x3)", "ResNet: 3x3 16 to 16 at 32, forward", products(2048, 16, 16, 36))
    yield Experiment("36 products of F(4x4, 3x3)", "ResNet: 3x3 64 to 64 at 8, forward", products(128, 64, 64, 36))
    yield Experiment("one product", "dense: 512 to 2048, forward", products(32, 512, 2048))
    yield Experiment("one product", "dense: 512 to 2048, dx", products(32, 2048, 512))
    yield Experiment("17 passes in cache", "depthwise: 3x3 32 at 112, forward", passes(image * 32, 17))
    yield Experiment("17 passes in cache", "depthwise: 3x3 256 at 28, forward", passes(8 * 28 * 28 * 256, 17))
    yield Experiment(
        "read x and dy, write y and dx", "pools, average: average 2x2/2 64 at 112, pair", copy(image * 80, image * 80)
    )
    for title in ("max 2x2: max 2x2/2", "max 3x3: max 3x3/2"):
        yield Experiment("the same and the positions", f"pools, {title} 64 at 112, pair", copy(image * 96, image * 96))
    norms = "norms and softmax: "
    yield Experiment("read x, write y", f"{norms}softmax 4096x512, forward", copy(1 << 21, 1 << 21))
    yield Experiment("read x, write y and h", f"{norms}layer norm 4096x512, forward", copy(1 << 21, 1 << 22))
    yield Experiment(
        "read dy and h, write dx", f"{norms}batch norm 64 at 56, dx", copy(8 * 56 * 56 * 128, 8 * 56 * 56 * 64)
    )
    yield Experiment("read dy and y, write dx", f"{norms}softmax 4096x512, dx", copy(1 << 22, 1 << 21))
    yield Experiment("exp of all elements", f"{norms}softmax 4096x512, forward", exponentials(1 << 21))
    yield Experiment("both products, exp of all scores", "attention: 8x128x64, forward", attention(8, 128, 64))
    yield Experiment("one product for all gates", "cells: LSTM 64x128, forward", products(64, 256, 512))
    yield Experiment("read all weights once", "inference: vgg11, predict", read(9_217_728))
    yield Experiment("all products, columns there", "training: lenet, step", steps(LENET, 1))
    yield Experiment("columns and passes besides", "training: lenet, step", lenet_passes())
    yield Experiment("all products", "steps: perceptron, as network, step", steps(PERCEPTRON))
    yield Experiment("all products", "steps: transformer block, as network, step", steps(BLOCK))


def seconds(call: Callable[[], object]) -> float:
    """The median of some calls after the first."""
    call()
    times = []
    for _ in range(11):
        start = time.thread_time()
        call()
        times.append(time.thread_time() - start)
    return median(times)


def main() -> None:
    """Print the table, in Markdown, beside the last run that is kept: one thread, float32."""
    if any(name.startswith(blas.PREFIX) for name in os.environ):  # the run was measured without
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks.limits"], blas.environment())
    results = history.read(history.runs()[-1])
    times = {
        (row, side): record["ms"]
        for (row, dtype, threads, side), record in results.records.items()
        if (dtype, threads) == ("float32", 1) and "ms" in record
    }
    print("| row | without which it cannot be done | ms | numpy ms | compiled ms | PyTorch ms |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    with threadpoolctl.threadpool_limits(1):
        found = [(e, 1e3 * seconds(e.call)) for e in experiments()]
    for e, least in found:
        torch = min(times[e.row, side] for side in ("torch", "torch-last") if (e.row, side) in times)
        ours = " | ".join(f"{times[e.row, side]:.2f}" for side in ("numpy", "compiled"))
        print(f"| {e.row} | {e.what} | {least:.2f} | {ours} | {torch:.2f} |")


if __name__ == "__main__":
    main()
