"""Tensors of integers whose elements are values, such as an adjacency matrix: kernels against the interpreter."""

from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.derive.ir.interpret import interpret
from tests.cases.run_loops import COMPILED

TEXTS = [
    "y[n,k] = sum(j) a[n,j] * x[j,k]",
    "y[n,k] = sum(j) x[n,j] * a[j,k]",
    "y[n] = sum(j) a[n,j] * x[n,j]",
    "y[n] = sum(j) a[n,j] * abs(x[n,j])",
    "y[n,k] = sum(j) a[n,j] * a[j,k]",
    "y[n,j] = a[n,j] * tanh(x[n,j]) + a[j,n]",
]


@pytest.mark.parametrize("backend", ["numpy", pytest.param("compiled", marks=COMPILED)])
@pytest.mark.parametrize("kind", [np.int64, np.int32])
def test_integers_are_values_like_others(backend: str, kind: Any) -> None:
    rng = np.random.default_rng(3)
    values = {"a": rng.integers(0, 3, (7, 7)).astype(kind), "x": rng.normal(size=(7, 7))}
    for text in TEXTS:
        layer = gradscribe.layer(f"integer a; {text}", "own")
        module, program = layer.compile(), layer.program
        expected = interpret(program, values, dict.fromkeys(program.symbols(), 7))["y"]
        with module.rt.settings(backend=backend):
            found = module.own_forward(*(values[t.name] for t in program.inputs))
        assert found.dtype == np.float64, text
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12, err_msg=text)
