"""Equations of users that are windows reduced or filled: their plans say so, the interpreter finds the same numbers."""

from typing import Any

import numpy as np
import pytest

from gradscribe import layer
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.kernel.kernel import kernels
from gradscribe.codegen.numpy.lower import lower
from gradscribe.codegen.numpy.plan import Reduce, Spread, walk
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.ir.term import Program
from gradscribe.derive.layer.interface import Layer

Array = np.ndarray[Any, Any]

REDUCED: dict[str, tuple[str, tuple[tuple[int, ...], ...]]] = {
    "largest in padding": ("p = 1; input x[N,L]; y[n,i] = max(r) [0 <= 2*i+r-p < L] x[n, 2*i+r-p]; r < 3", ((2, 9),)),
    "smallest, turned": ("y[i,n] = min(r) x[n, 3*i + 2*r]; r < 2", ((4, 11),)),
    "mean of squares": ("y[n,i] = sum(r) x[n, i + r]^2 / 4; r < 4", ((3, 7),)),
    "a factor beside the window": ("y[i,c] = sum(r) a[c] * exp(x[c, 2*i + r]); r < 3", ((4, 9), (4,))),
    "a box of three axes": (
        "y[i,j,k] = sum(a,b,c) x[2*i + a, 3*j + b, 2*k + c]; a < 2; b < 2; c < 3",
        ((5, 7, 8),),
    ),
    "backwards": ("y[n,i] = sum(r) x[n, 2*i - r + 1]; r < 3", ((2, 8),)),
}
OTHERS: dict[str, str] = {
    "one index in two axes": "y[i] = sum(r) x[i + r, i]; r < 2",
    "two factors that see the window": "y[n,i] = sum(r) x[n, i + r] * z[n, 2*i + r]; r < 2",
    "a bracket within the window": "y[n,i] = max(r) [0 <= r - i < 3] x[n, 2*i + r]; r < 5",
    "padding that counts": "y[n,i] = max(r) x[n, 2*i + r - 1]; r < 3",
}


def records(made: Layer, *kinds: type) -> list[Any]:
    """Of the plan of each function, what is of these kinds."""
    plans = (lower(k.program, k.name, [t.name for t in k.arguments]) for k in kernels(made))
    return [[r for _, r in walk(plan.records) if isinstance(r, kinds)] for plan in plans]


@pytest.mark.parametrize("name", REDUCED)
def test_they_are_recognised(name: str) -> None:
    made = layer(REDUCED[name][0])
    forward, gradient = (records(made, Reduce, Spread)[k] for k in (0, 1))
    assert len(forward) == 1
    assert isinstance(forward[0], Reduce)
    assert len(gradient) == (0 if name == "a factor beside the window" else 1)  # exp(x) differs from tap to tap


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_others_are_not(text: str) -> None:
    assert not records(layer(text), Reduce)[0]


def result(program: Program, values: dict[str, Array]) -> Array:
    sizes = {
        e: n for t in program.inputs for e, n in zip(t.shape, values[t.name].shape, strict=True) if not e.is_Integer
    }
    return interpret(program, values, sizes | {s: 1 for s in program.symbols() if s.name == "p"})[program.outputs[0]]


@pytest.mark.parametrize("name", REDUCED)
def test_they_equal_the_interpreter_and_its_differences(name: str) -> None:
    text, shapes = REDUCED[name]
    made, rng = layer(text), np.random.default_rng(3)
    arrays = [rng.normal(size=shape) for shape in shapes]
    values = dict(zip((t.name for t in made.program.inputs), arrays, strict=True))
    module = compile_layer(made)
    found = module.layer_forward(*arrays)
    y = found[0] if isinstance(found, tuple) else found
    np.testing.assert_allclose(y, result(made.program, values), rtol=1e-12)
    dy = rng.normal(size=y.shape)
    network = module.Layer()
    _ = network(*arrays)
    dx = network.backward(dy)
    dx = dx[0] if isinstance(dx, tuple) else dx
    x = arrays[0]
    for at in np.ndindex(*x.shape):
        step = np.zeros(x.shape)
        step[at] = 1e-6
        higher, lower_ = (result(made.program, {**values, "x": x + sign * step}) for sign in (1, -1))
        np.testing.assert_allclose(dx[at], ((higher - lower_) * dy).sum() / 2e-6, atol=1e-7)
