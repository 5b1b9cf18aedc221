"""Which strategies for contractions are worth their lines: how much slower is the best of the others without each?

    python -m benchmarks.ablation [--threads 1]

Times every way to compute every contraction of the layers below, forward and gradients, and prints per strategy how
often it is the fastest, and where it is so by most. One that is nowhere ahead by 5 % is not worth keeping.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import gradscribe
from benchmarks.rows import LAYERS, Layer
from benchmarks.shown import number, table
from gradscribe.derive.catalogue import layers
from gradscribe.derive.layer import interface

CATALOGUE: tuple[tuple[str, dict[str, tuple[int, ...]], dict[str, str]], ...] = (
    ("conv1d", {"x": (16, 4000, 32), "w": (9, 32, 32)}, {"padding": "4"}),
    ("conv1d", {"x": (4, 16000, 1), "w": (400, 1, 64)}, {"stride": "160"}),
    ("conv3d", {"x": (2, 16, 28, 28, 16), "w": (3, 3, 3, 16, 32)}, {"padding": "1"}),
    ("conv2d", {"x": (16, 32, 32, 16), "w": (3, 3, 16, 16)}, {"padding": "1"}),
    ("conv2d", {"x": (16, 8, 8, 64), "w": (3, 3, 64, 64)}, {"padding": "1"}),
    ("conv2d", {"x": (8, 30, 30, 48), "w": (5, 5, 12, 48)}, {"groups": "4", "padding": "2"}),
    ("conv2d", {"x": (4, 57, 57, 21), "w": (3, 3, 21, 35)}, {"stride": "3"}),
    ("conv2d", {"x": (4, 64, 64, 3), "w": (16, 16, 3, 192)}, {"stride": "16"}),
    ("conv_transpose2d", {"x": (8, 14, 14, 64), "w": (4, 4, 32, 64)}, {"stride": "2", "padding": "1"}),
    ("depthwise_conv1d", {"x": (8, 2000, 64), "w": (7, 64, 1)}, {"padding": "3"}),
    ("depthwise_conv2d", {"x": (4, 28, 28, 96), "w": (7, 7, 96, 1)}, {"padding": "3"}),
    ("locally_connected2d", {"x": (16, 14, 14, 16), "w": (12, 12, 3, 3, 16, 8)}, {}),
    ("dense", {"x": (512, 1024), "w": (1024, 1024)}, {}),
    ("dense", {"x": (64, 400), "w": (400, 120)}, {}),
    ("bilinear", {"x": (128, 64), "z": (128, 64), "w": (64, 64, 32)}, {}),
)
"""Layers of the catalogue that the benchmarks have no row for: name, shapes, options."""

Shapes = dict[str, tuple[int, ...]]
SCORES: Shapes = {"q": (8, 8, 128, 64), "k": (8, 8, 128, 64)}
VOLUME: Shapes = {"a": (2, 48, 64, 32), "b": (2, 48, 64, 32)}
INVOLUTION: Shapes = {"x": (4, 30, 30, 32), "w": (4, 28, 28, 3, 3)}
BLUR: Shapes = {"x": (4, 64, 64, 8), "a": (5,), "b": (5,)}
TRAIN: Shapes = {"x": (64, 16, 16), "a": (16, 16, 8), "b": (8, 16, 16)}
GRAPH: Shapes = {"a": (64, 64), "x": (16, 64, 32), "w": (32, 32)}

OWN: tuple[tuple[str, str, Shapes], ...] = (
    ("attention scores", "s[n,h,i,j] = sum(c) q[n,h,i,c] * k[n,h,j,c]", SCORES),
    ("causal FIR", "y[n,t,c] = sum(r) w[r,c] * x[n,t-r,c]", {"x": (8, 1024, 64), "w": (33, 64)}),
    ("cost volume", "D = 24; output v[N,I,J,D]; v[n,i,j,d] = sum(c) a[n,i,j,c] * b[n,i,j-d,c]", VOLUME),
    ("involution", "y[n,i,j,c] = sum(r,t) w[n,i,j,r,t] * x[n,i+r,j+t,c]", INVOLUTION),
    ("separable blur", "y[n,i,j,c] = sum(r,t) a[r] * b[t] * x[n,i+r,j+t,c]", BLUR),
    ("tensor train", "y[n,p,q] = sum(i,j,r) x[n,i,j] * a[i,p,r] * b[r,j,q]", TRAIN),
    ("graph", "y[n,v,k] = sum(u,c) a[v,u] * x[n,u,c] * w[c,k]", GRAPH),
    ("wide kernel", "y[n,i,j] = sum(r,t) x[n,i+r,j+t] * w[r,t]", {"x": (4, 128, 128), "w": (41, 41)}),
)
"""Equations as users write them: title, text, shapes."""


class Case(NamedTuple):
    """A layer with its sizes."""

    title: str
    layer: interface.Layer
    shapes: Mapping[str, tuple[int, ...]]
    settings: Mapping[str, str]


@dataclass(frozen=True)
class Lead:
    """Where a strategy is the fastest: what the best of the others takes, as a multiple of its time."""

    strategy: str
    where: str
    ratio: float
    others: str


def cases() -> Iterator[Case]:
    """The convolutions of the benchmarks, other layers of the catalogue, equations of users."""
    for row in LAYERS:
        if isinstance(row, Layer) and row.kind in ("conv", "depthwise") and row.axes == 2:
            yield _measured_elsewhere(row)
    for name, shapes, options in CATALOGUE:
        size = "x".join(map(str, shapes["x"]))
        yield Case(f"{name} {size}", layers.LAYERS[name](), shapes, options)
    for title, text, shapes in OWN:
        yield Case(title, gradscribe.layer(text, "own"), shapes, {})


def _measured_elsewhere(row: Layer) -> Case:
    shapes = replace(row, batch=max(1, row.batch // 8)).shapes()
    options = {"stride": str(row.stride), "padding": str(row.padding), "dilation": str(row.dilation)}
    if row.groups > 1:
        options["groups"] = str(row.groups)
    name = "conv2d" if row.kind == "conv" else "depthwise_conv2d"
    return Case(row.title, layers.LAYERS[name](), {"x": shapes["x"], "w": shapes["w"]}, options)


def leads(case: Case, **settings: Any) -> Iterator[Lead]:
    """Every contraction of a case that can be computed in several ways."""
    told = gradscribe.explain(case.layer, case.shapes, case.settings, measure=True, **settings)
    for function in told.functions:
        for contraction in function.contractions:
            taken = sorted((w.measured, w.strategy) for w in contraction.ways if w.measured is not None)
            if len(taken) > 1:
                (first, strategy), (second, others) = taken[:2]
                where = f"{case.title}, {function.name.split('_', 1)[-1]}"
                yield Lead(strategy, where, second / first, others)


def main() -> None:
    """Print a line for each strategy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cases", default="", help="only those whose title contains this")
    given = parser.parse_args()
    found: list[Lead] = []
    for case in (c for c in cases() if given.cases in c.title):
        for accuracy, backend in (("fast", "auto"), ("fast", "numpy"), ("strict", "auto")):
            now = leads(case, accuracy=accuracy, backend=backend, threads=given.threads)
            found += (Lead(x.strategy, f"{x.where} ({accuracy}, {backend})", x.ratio, x.others) for x in now)
        print(f"{case.title}: {len(found)} contractions so far", flush=True)
    print(shown(found))


def shown(found: list[Lead]) -> str:
    """A table: the fastest how often, by most where."""
    by_strategy: Callable[[Lead], str] = lambda lead: lead.strategy  # noqa: E731
    rows = []
    for strategy in sorted(set(map(by_strategy, found))):
        own = sorted((x for x in found if x.strategy == strategy), key=lambda x: -x.ratio)
        clearly = sum(x.ratio > 1.05 for x in own)
        most = own[0]
        rows.append([strategy, str(len(own)), str(clearly), number(most.ratio), most.where, most.others])
    return table(("strategy", "fastest", "by 5 %", "most", "there", "before"), rows)


if __name__ == "__main__":
    main()
