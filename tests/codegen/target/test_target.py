"""A backend is a `Target` and a row: one of the tests' own, by which everything generates that asks the table."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.compiler import compile_layer
from gradscribe.codegen.kernel.kernel import Kernel
from gradscribe.codegen.kernel.second_order_kernels import kernels_of_order
from gradscribe.codegen.numpy.package import numpy_target
from gradscribe.codegen.target import TARGETS, Row, Target
from gradscribe.codegen.tool.find import find
from gradscribe.codegen.tool.verify.calls import difference, given, results
from gradscribe.derive.calculus.differentiate import differentiate
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.sampling import sample_sizes
from tests.codegen.target import lists_target

ROOT = Path(__file__).parents[3]
BOTH: tuple[Target, ...] = (numpy_target.TARGET, lists_target.TARGET)
"""What the type checker has to find to be backends."""

OWN = {
    "a window": "y[n,i] = sum(r) w[r] * x[n, i + r]",
    "a window in steps": "y[n,i] = b[c] * sum(r) w[r,c] * x[n, s*i + d*r - p, c]",
    "pointwise": "y[n,c] = tanh(x[n,c]) * exp(v[c]) / (1 + x[n,c]^2)",
    "a loss": "e[n] = sum(c) (x[n,c] - v[n,c])^2\ny = sum(n) e[n]",
}
KNOWN = ("tanh", "sigmoid", "leaky_relu", "bilinear", "subsampling2d", "softsign", "rbf")


@pytest.fixture(autouse=True)
def lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """The row: all that is added besides the file."""
    monkeypatch.setitem(TARGETS, "lists", Row("lists", "tests.codegen.target.lists_target"))


def own(name: str) -> Layer:
    text = OWN[name]
    return (
        gradscribe.layer(text, "mine")
        if name != "a window in steps"
        else gradscribe.layer("y[n,i,c] = b[c] + sum(r) w[r,c] * x[n, s*i + d*r - p, c]", "mine")
    )


LAYERS = {**{name: name for name in OWN}, **dict.fromkeys(KNOWN, "")}


def layer_of(name: str) -> Layer:
    return own(name) if name in OWN else find(name)


def everything(kernel: Kernel, module: ModuleType, arrays: Any, sizes: Any) -> list[np.ndarray]:
    """What a function of lists returns, as arrays of the shapes of what is expected."""
    return [np.array(value) for value in results(module, kernel, arrays, sizes)]


@pytest.mark.parametrize("name", LAYERS)
def test_the_functions_of_another_backend_equal_the_interpreter(name: str) -> None:
    """Forward and gradients, at random sizes; windows that are larger than their steps, and smaller."""
    layer, rng = layer_of(name), np.random.default_rng(3)
    module = compile_layer(layer, backend="lists")
    assert not hasattr(module, "np")
    gradient = differentiate(layer.program)
    (kernels, _) = kernels_of_order(layer, 1)
    assert len(kernels) > 1
    for _ in range(4):
        sizes = sample_sizes(layer, rng)
        arrays = given(gradient, sizes, rng, tied=False)
        expected = interpret(gradient.program, arrays, sizes)
        for kernel in kernels:
            found = everything(kernel, module, arrays, sizes)
            assert difference(found, [expected[n] for n in kernel.results]) < 1e-12, kernel.name
