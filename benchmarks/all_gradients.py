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
from benchmarks.history import about
from benchmarks.report import number, table, write_between
from gradscribe.codegen.compiler import compile_layer
from gradscribe.codegen.kernel.kernel import Kernel, backward_kernel, kernels
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.layer.interface import Layer

PAGE = Path(__file__).parents[1] / "docs" / "speed.md"
SECONDS, FEWEST = 1.0, 5
"""A call is repeated for so long, and so often at least."""

PERCEPTRON = """
u[n,h] = b[h] + sum(c) x[n,c] * w[c,h]
a[n,h] = max(u[n,h], 0)
v[n,g] = d[g] + sum(h) a[n,h] * p[h,g]
e[n,g] = max(v[n,g], 0)
y[n,k] = f[k] + sum(g) e[n,g] * q[g,k]
weight w, b, p, d, q, f
"""
BLOCK = """
input x[N,T,C], gain[C], shift[C], wq[C,A,E], wk[C,A,E], wv[C,A,E], wo[A,E,C]
input gain2[C], shift2[C], w1[C,F], b1[F], w2[F,C], b2[C]
m[n,t] = sum(c) x[n,t,c] / C
d[n,t,c] = x[n,t,c] - m[n,t]
r[n,t] = 1/sqrt(sum(c) d[n,t,c]^2 / C + 0.00001)
h[n,t,c] = gain[c]*d[n,t,c]*r[n,t] + shift[c]
q[n,a,t,e] = sum(c) h[n,t,c]*wq[c,a,e]
k[n,a,t,e] = sum(c) h[n,t,c]*wk[c,a,e]
v[n,a,t,e] = sum(c) h[n,t,c]*wv[c,a,e]
s[n,a,t,j] = sum(e) q[n,a,t,e]*k[n,a,j,e] / sqrt(E)
z[n,a,t] = max(j) s[n,a,t,j]
g[n,a,t,j] = exp(s[n,a,t,j] - z[n,a,t])
l[n,a,t] = sum(j) g[n,a,t,j]
p[n,a,t,j] = g[n,a,t,j] / l[n,a,t]
o[n,a,t,e] = sum(j) p[n,a,t,j]*v[n,a,j,e]
i[n,t,c] = x[n,t,c] + sum(a,e) o[n,a,t,e]*wo[a,e,c]
m2[n,t] = sum(c) i[n,t,c] / C
d2[n,t,c] = i[n,t,c] - m2[n,t]
r2[n,t] = 1/sqrt(sum(c) d2[n,t,c]^2 / C + 0.00001)
h2[n,t,c] = gain2[c]*d2[n,t,c]*r2[n,t] + shift2[c]
u[n,t,f] = b1[f] + sum(c) h2[n,t,c]*w1[c,f]
ga[n,t,f] = max(u[n,t,f], 0)
y[n,t,c] = i[n,t,c] + b2[c] + sum(f) ga[n,t,f]*w2[f,c]
weight gain, shift, wq, wk, wv, wo, gain2, shift2, w1, b1, w2, b2
"""


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
