"""Arrays that are read at positions of an axis, as the gates of a cell are: parts of rows in one pass."""

from typing import Any

import numpy as np
import pytest

from gradscribe import layer
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.kernel.kernel import kernels
from gradscribe.codegen.loops import Nest
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.codegen.numpy.plan import walk
from tests.cases.run_loops import COMPILED
from tests.cases.thorough import some

pytestmark = COMPILED
Array = np.ndarray


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


GATES = "v[n,k] = tanh(u[n,0,k])*sigmoid(u[n,2,k]) + u[n,1,k]*c[n,k]"
PLANES = "v[n,k] = tanh(u[0,n,k])*u[1,n,k] + exp(u[0,n,k]) + c[k]"
INNER = "v[n,i,k] = tanh(u[n,i,1,k])*u[n,i,0,k] + exp(-c[n,i,k])"
ROWS = "v[n] = sum(k) u[n,1,k]*tanh(u[n,0,k]) + sum(k) exp(u[n,2,k])"
COLUMNS = "v[k] = sum(n) u[n,1,k]*tanh(u[n,0,k])"
LAST = "v[n,k] = tanh(u[n,k,0])*exp(u[n,k,1]) + c[n,k]"


def made(text: str) -> Any:
    """The layer, whose u has three positions along an axis that has no index."""
    given = [text.partition(f"{name}[")[2].partition("]")[0].split(",") for name in "uc" if f"{name}[" in text]
    shapes = [", ".join("3" if a.isdecimal() else a.upper() for a in axes) for axes in given]
    inputs = ", ".join(f"{name}[{shape}]" for name, shape in zip("uc", shapes, strict=False))
    return layer(f"input {inputs}\noutput v\n{text}", name="own")


@pytest.mark.parametrize("sizes", some([(5, 7), (1, 1), (64, 33), (0, 4), (700, 3), (2, 0)], 3))
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GATES, lambda u, c: np.tanh(u[:, 0]) * sigmoid(u[:, 2]) + u[:, 1] * c),
        (PLANES, lambda u, c: np.tanh(u[0]) * u[1] + np.exp(u[0]) + c),
        (INNER, lambda u, c: np.tanh(u[:, :, 1]) * u[:, :, 0] + np.exp(-c)),
        (ROWS, lambda u, c: (u[:, 1] * np.tanh(u[:, 0]) + np.exp(u[:, 2])).sum(-1)),
        (COLUMNS, lambda u, c: (u[:, 1] * np.tanh(u[:, 0])).sum(0)),
        (LAST, lambda u, c: np.tanh(u[..., 0]) * np.exp(u[..., 1]) + c),
    ],
)
def test_numbers_are_numpy_s(text: str, expected: Any, sizes: tuple[int, int]) -> None:
    n, k = sizes
    rng = np.random.default_rng(n)
    shapes = {GATES: (n, 3, k), PLANES: (3, n, k), INNER: (n, 2, 3, k), ROWS: (n, 3, k), COLUMNS: (n, 3, k)}
    u = rng.standard_normal(shapes.get(text, (n, k, 3)))
    c = rng.standard_normal({PLANES: (k,), INNER: (n, 2, k)}.get(text, (n, k)))
    module = compile_layer(made(text))
    for backend in ("numpy", "compiled"):
        with module.rt.settings(backend=backend):
            found = module.own_forward(u, c) if "c[" in text else module.own_forward(u)
        np.testing.assert_allclose(found, expected(u, c), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("text", [GATES, PLANES, INNER, ROWS, COLUMNS])
def test_parts_of_rows_are_read_in_one_pass(text: str) -> None:
    forward = plan(kernels(made(text))[0])
    (nest,) = (r for _, r in walk(forward.records) if isinstance(r, Nest))
    assert 3 in dict(nest.shapes)["u"]


def test_positions_of_the_last_axis_are_left_to_numpy() -> None:
    """Their elements are apart."""
    forward = plan(kernels(made(LAST))[0])
    assert not any(isinstance(r, Nest) for _, r in walk(forward.records))
