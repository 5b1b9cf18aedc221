"""Short rows computed several at a time, and what is added to an array that nobody reads behind it."""

from itertools import product
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.kernel.kernel import kernels
from gradscribe.codegen.loops.nest import Nest
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.codegen.numpy.plan import walk
from gradscribe.generated import runtime
from gradscribe.generated.runtime.machine.compiled import LONG_ROW, _rows_at_a_time
from tests.cases.run_loops import COMPILED

pytestmark = COMPILED
AFFINE = "y[n,k] = tanh(x[n,k]*a[k] + b[k])"
DENSE = "u[n,k] = b[k] + sum(c) x[n,c]*w[c,k]; y[n,k] = tanh(u[n,k])"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_of_any_extent_are_numpy_s(dtype: Any) -> None:
    """Also where some rows are left over, or there are fewer than are computed at a time, or none."""
    made = compile_layer(gradscribe.layer(AFFINE, "affine"))
    rng = np.random.default_rng(4)
    for rows, row in product((0, 1, 7, 50, 1234), (1, 2, 3, 6, 16, 17, 84, 300)):
        x, a, b = (rng.normal(size=shape).astype(dtype) for shape in ((rows, row), row, row))
        for threads in (1, 3):
            with runtime.settings(backend="compiled", threads=threads):
                found = made.affine_forward(x=x, a=a, b=b)
            expected = np.tanh(x * a + b)
            np.testing.assert_allclose(found, expected, rtol=0, atol=8 * np.finfo(dtype).eps, err_msg=f"{rows} {row}")


def test_rows_at_a_time_are_whole_vectors() -> None:
    for row, itemsize in product(range(1, 400), (4, 8)):
        times = _rows_at_a_time(10**6, row, itemsize)
        assert times == 1 or (times * row * itemsize % 64 == 0 and row < LONG_ROW)
        assert times > 1 or row >= LONG_ROW or row * itemsize % 64 == 0
        assert _rows_at_a_time(3, row, itemsize) <= 3


def test_a_bias_and_an_activation_are_one_pass_that_writes_the_activation_only() -> None:
    layer = gradscribe.layer(DENSE, "activated")
    forward = next(k for k in kernels(layer) if k.name == "activated_forward")
    (nest,) = (r for _, r in walk(plan(forward).records) if isinstance(r, Nest))
    assert nest.written == ("y",)
    made, rng = compile_layer(layer), np.random.default_rng(5)
    for rows, row in product((1, 5, 64), (1, 6, 33)):
        x, w, b = (rng.normal(size=shape) for shape in ((rows, 4), (4, row), row))
        with runtime.settings(backend="compiled"):
            found = made.activated_forward(x=x, w=w, b=b)
        np.testing.assert_allclose(found, np.tanh(x @ w + b), rtol=1e-12, atol=1e-12)
