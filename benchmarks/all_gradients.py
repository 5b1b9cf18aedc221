"""What one function of all gradients saves over a function for each: statements, time, memory.

    python -m benchmarks.all_gradients [--publish]

prints the table of docs/speed.md, and writes it there. Both compute the same numbers; the layers are those of the
catalogue that have it, a perceptron and a transformer's block, each written as the text of one layer.
"""

import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

import gradscribe
from benchmarks.cases.own_texts import BLOCK, PERCEPTRON
from benchmarks.history import about
from benchmarks.report import write_between
from benchmarks.shown import number, table
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.kernel.kernel import Kernel, backward_kernel, kernels
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.layer.interface import Layer

PAGE = Path(__file__).parents[1] / "docs" / "speed.md"
SECONDS, FEWEST = 1.0, 5
"""A call is repeated for so long, and so often at least."""


class Row(NamedTuple):
    """A layer, and what its size symbols are."""

    title: str
    layer: Layer
    sizes: Mapping[str, int]


def rows() -> Iterator[Row]:
    """The layers that are measured."""
    cell = {"N": 64, "C": 128, "H": 128}
    yield Row("simple_rnn_cell, 64x128", LAYERS["simple_rnn_cell"](), cell)
    yield Row("lstm_cell, 64x128", LAYERS["lstm_cell"](), cell)
    yield Row("gru_cell, 64x128", LAYERS["gru_cell"](), cell)
    attention = {"E": 8, "L": 128, "S": 128, "D": 64, "F": 64}
    yield Row("attention, 8x128x64", LAYERS["scaled_dot_product_attention"](), attention)
    sizes = {"N": 64, "C": 784, "H": 256, "G": 128, "K": 10}
    yield Row("perceptron, 64x784-256-128-10", gradscribe.layer(PERCEPTRON, "perceptron"), sizes)
    sizes = {"N": 8, "T": 64, "C": 128, "A": 4, "E": 32, "F": 512}
    yield Row("transformer's block, 8x64x128", gradscribe.layer(BLOCK, "block"), sizes)


def calls(row: Row, module: ModuleType) -> tuple[Callable[[], Any], Callable[[], Any], tuple[int, int]]:
    """All single functions one after the other, that of all gradients, and the statements of both."""
    forward, *singles = kernels(row.layer)
    backward = backward_kernel(row.layer)
    assert backward is not None
    rng = np.random.default_rng(0)
    values: dict[str, Any] = {}
    for t in row.layer.program.inputs:
        shape = [int(e.xreplace({s: row.sizes[s.name] for s in e.free_symbols})) for e in t.shape]
        values[t.name] = None if t.name == "m" else rng.standard_normal(shape, np.float32) * np.float32(0.1)
    values |= zip(forward.results, _called(module, forward, values), strict=True)
    values |= {seed: rng.standard_normal(values[o].shape, np.float32) for seed, o in backward.seeds}
    counts = sum(len(k.program.statements) for k in singles), len(backward.program.statements)
    return (
        lambda: [_called(module, k, values) for k in singles],
        lambda: _called(module, backward, values),
        counts,
    )


def _called(module: ModuleType, kernel: Kernel, values: Mapping[str, Any]) -> tuple[Any, ...]:
    found = getattr(module, kernel.name)(*(values[t.name] for t in kernel.arguments))
    return found if isinstance(found, tuple) else (found,)


def milliseconds(*several: Callable[[], Any]) -> list[float]:
    """The least processor time of each, in turns."""
    best, start, rounds = [float("inf")] * len(several), time.process_time(), 0
    while rounds < FEWEST or time.process_time() - start < SECONDS * len(several):
        for k, call in enumerate(several):
            before = time.process_time()
            call()
            best[k] = min(best[k], (time.process_time() - before) * 1e3)
        rounds += 1
    return best


def mebibytes(call: Callable[[], Any]) -> float:
    """The most that is allocated at once, results included."""
    tracemalloc.start()
    call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 2**20


def main() -> None:
    """Print the table, and write it to the page if asked for."""
    a, lines = about("python -m benchmarks.all_gradients"), []
    for row in rows():
        module = compile_layer(row.layer)
        apart, at_once, counts = calls(row, module)
        with module.rt.settings(threads=1):
            figures = [*milliseconds(apart, at_once), mebibytes(apart), mebibytes(at_once)]
        lines.append([row.title, *map(str, counts), *map(number, figures)])
    heads = ("layer", "statements apart", "at once", "ms apart", "at once", "MiB apart", "at once")
    found = f"Measured on {a['processor']}, one thread, Python {a['python']}, {a['date']}.\n\n{table(heads, lines)}\n"
    print(found)
    if "--publish" in sys.argv[1:]:
        write_between(PAGE, found, "all gradients")


if __name__ == "__main__":
    main()
