"""Maxima and minima with ties, and their gradients by loops and by the ways that there are to compute them."""

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from sympy import Eq, Expr, Idx, IndexedBase, Symbol

from gradscribe.codegen.driver import compile_layer
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.ir.term import Program
from gradscribe.derive.layer.equations import inside, program
from gradscribe.derive.layer.interface import Layer
from tests.cases.layers import LayerCase
from tests.cases.naive import both_axes, padding_pairs, windows

Array = np.ndarray
N, M, R, s, p, d = integers("N M R s p d")
x, y = IndexedBase("x", shape=(N,), real=True), IndexedBase("y", shape=(M,), real=True)
n, m, r = Idx("n", N), Idx("m", M), Idx("r", R)
SPECIAL = [0.0, -0.0, 1.0, 2.0, 2.0, -np.inf, np.inf, np.nan]


def shared(values: list[float], dy: float, op: str, policy: str) -> list[float]:
    """What each element of one window gets of the gradient `dy`."""
    slopes = [0.0] * len(values)
    if not values:
        return slopes
    if any(np.isnan(v) for v in values):
        if policy == "first":  # the first NaN is what was found
            slopes[[bool(np.isnan(v)) for v in values].index(True)] = dy
        return slopes
    best = max(values) if op == "max" else min(values)
    attained = [k for k, v in enumerate(values) if v == best]
    for k in attained[:1] if policy == "first" else attained:
        slopes[k] = dy / (1 if policy == "first" else len(attained))
    return slopes


def pool_gradient(case: LayerCase, x: Array, dy: Array, policy: str) -> Array:
    """The gradient of max_pool2d, window by window."""
    options = dict(case.options)
    kernel, dilation = both_axes(options["kernel_size"]), both_axes(options.get("dilation", 1))
    reach = (dilation[0] * (kernel[0] - 1), dilation[1] * (kernel[1] - 1))
    pads = padding_pairs(options.get("padding", 0), reach)
    stride = options.get("stride") or kernel
    dx = np.zeros(x.shape)
    for i, j, found in windows(x, kernel, stride, pads, dilation, options.get("ceil_mode", False)):
        for b, c in np.ndindex(len(x), x.shape[3]):
            values = [float(x[b, row, column, c]) for _, row, column in found]
            slopes = shared(values, dy[b, i, j, c], "max", policy)
            for (_, row, column), slope in zip(found, slopes, strict=True):
                dx[b, row, column, c] += slope
    return dx


def line_gradient(array: Array, dy: Array, sizes: dict[Symbol, int], op: str, policy: str) -> Array:
    """The gradient of windows of a line: positions s*m + d*r - p within it."""
    dx = np.zeros(len(array))
    for at in range(sizes[M]):
        places = [sizes[s] * at + sizes[d] * k - sizes[p] for k in range(sizes[R])]
        places = [q for q in places if 0 <= q < len(array)]
        for q, slope in zip(places, shared([float(array[q]) for q in places], dy[at], op, policy), strict=True):
            dx[q] += slope
    return dx


@cache
def pooling(policy: str) -> tuple[Layer, ModuleType]:
    layer = LAYERS["max_pool2d"]().with_ties(policy)
    return layer, compile_layer(layer)


def pool_by_kernel(case: LayerCase, array: Array, dy: Array, policy: str) -> Array:
    """The gradient by the functions of the class."""
    layer = pooling(policy)[1].MaxPool2D(**case.options)
    layer(array)
    return layer.backward(dy)


def line(op: type) -> Layer:
    """The extremum of windows of a line."""
    position = s * m + d * r - p
    equation = Eq(y[m], op(inside(position, N) * x[position], r))
    return Layer("line", "Line", "windows of a line", program(equation, inputs=(x,), sizes=None))


def slopes_of(source: Program, values: dict[str, Array], sizes: dict[Any, int], dy: Array) -> Array:
    """dx by the interpreter."""
    gradient = differentiate(source)
    found = interpret(source, values, sizes)
    return interpret(gradient.program, {**found, "dy": dy}, sizes)["dx"]


def tied_values(rng: np.random.Generator, shape: tuple[int, ...], special: bool = False) -> Array:
    found = rng.integers(-1, 2, size=shape).astype(float)
    if special:
        where = rng.random(shape) < 0.3
        found[where] = rng.choice(SPECIAL, size=int(where.sum()))
    return found


E = integers("E")[0]
a, w = IndexedBase("x", shape=(N, E), real=True), IndexedBase("w", shape=(E,), real=True)
e = Idx("e", E)


def plain(op: type, left: Any, body: Expr, *bound: Idx, inputs: Any = (a,)) -> Layer:
    """A layer of one equation without options."""
    source = program(Eq(left, op(body, *bound)), inputs=inputs)
    return Layer("own", "Own", "an extremum", source).with_ties("split")
