"""Quotients and remainders of indices: what splits and joins axes, triangles, conditions; against NumPy's own."""

from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.driver import emitted
from gradscribe.codegen.tool.verify import verify_layer
from gradscribe.derive.ir.index import integer
from gradscribe.derive.ir.interpret import complete_sizes, interpret, shape_of
from tests.cases.agreement import assert_kernels_agree
from tests.cases.together import together

Array = np.ndarray


def value(text: str, x: Array, **sizes: int) -> Array:
    """The value of a text that reads x, by the interpreter and by its kernels."""
    layer = gradscribe.layer(text, "own")
    tensor = layer.program.inputs[0]
    known = {s: n for s, n in zip(tensor.shape, x.shape, strict=True) if s.is_Symbol}
    known |= {integer(name): size for name, size in sizes.items()}
    assert shape_of(tensor.shape, complete_sizes(layer.program, known)) == x.shape
    assert_kernels_agree(layer, known, {"x": x}, np.random.default_rng(1))
    return interpret(layer.program, {"x": x}, known)["y"]


x = np.random.default_rng(0).normal(size=(2, 6))
cube = np.random.default_rng(0).normal(size=(2, 3, 2))
LAYOUTS: tuple[tuple[str, Array, Array], ...] = (
    ("y[n,i] = x[n, i//2]", x, x.repeat(2, 1)),
    ("y[n,i] = x[n, i//2, i%2]", cube, cube.reshape(2, 6)),
    ("y[n, i//3, i%3] = x[n,i]", x, x.reshape(2, 2, 3)),
    ("y[n, i//4, i%4] = x[n,i]", x, np.pad(x, ((0, 0), (0, 2))).reshape(2, 2, 4)),
    ("y[n, i//2] = x[n,i]", x, x.reshape(2, 3, 2).sum(2)),
    ("y[n,i] = x[n, i%6]; i < 14", x, np.tile(x, 3)[:, :14]),
    ("y[n,i] = x[n, (i%2)*3 + i//2]; i < 6", x, x.reshape(2, 2, 3).transpose(0, 2, 1).reshape(2, 6)),
    ("y[n,i] = x[n, (i - 1)//2 + 1]; i < 7", x, x[:, [0, 1, 1, 2, 2, 3, 3]]),
    ("y[n,i] = x[n, (i - 3)//2]; i < 5", x, np.stack([0 * x[:, 0], 0 * x[:, 0], 0 * x[:, 0], x[:, 0], x[:, 0]], 1)),
    ("y[n,i] = x[n, (i//2)//2]; i < 20", x, x.repeat(4, 1)[:, :20]),
    ("y[n,i] = x[n, 5 - i//2]; i < 12", x, x[:, ::-1].repeat(2, 1)),
    ("y[n,i] = [i % 2 == 0] * x[n,i]", x, x * [1, 0, 1, 0, 1, 0]),
    ("y[n] = sum(i) [i % 3 == 1] x[n,i]", x, x[:, 1::3].sum(1)),
    ("y[n] = max(i) [i % 3 != 1] x[n,i]", x, x[:, [0, 2, 3, 5]].max(1)),
    ("y[n,i] = sum(j) [i//2 == j//2] x[n,j]; i < 6", x, x.reshape(2, 3, 2).sum(2).repeat(2, 1)),
    ("y[n,i] = (i % 3) * x[n,i] + i//4", x, x * [0, 1, 2, 0, 1, 2] + [0, 0, 0, 0, 1, 1]),
)


@together("case", LAYOUTS, ids=lambda case: case[0])
def test_axes_are_split_and_joined(case: tuple[str, Array, Array]) -> None:
    text, given, expected = case
    np.testing.assert_allclose(value(text, given), expected)


def test_what_is_divided_may_be_negative_or_not() -> None:
    text = "y[n,i] = x[n, (i + p - q)//2]; p = 1; q = 2; i < 4"
    np.testing.assert_array_equal(value(text, x, p=1, q=2), x[:, [0, 0, 0, 1]] * [0, 1, 1, 1])
    np.testing.assert_array_equal(value(text, x, p=3, q=1), x[:, [1, 1, 2, 2]])


def test_a_parameter_may_divide() -> None:
    y = value("s = 2; y[n,i] = x[n, i//s, i%s]", cube.reshape(2, 2, 3), s=3)
    np.testing.assert_array_equal(y, cube.reshape(2, 6))


def test_a_triangle_is_packed_and_read() -> None:
    square, order = np.random.default_rng(0).normal(size=(2, 4, 4)), 4
    packed = value("input x[N,I,I]; y[n, i*(i + 1)//2 + j] = [j <= i] x[n,i,j]", square)
    np.testing.assert_array_equal(packed, square[:, *np.tril_indices(order)])
    above = "input x[N,I,I]; output y[N, I*(I-1)//2]; y[n, i*(2*I - i - 3)//2 + j - 1] = [i < j] x[n,i,j]"
    np.testing.assert_array_equal(value(above, square), square[:, *np.triu_indices(order, 1)])
    below = "[j < i] x[n, i*(i-1)//2 + j]"
    symmetric = f"input x[N,L]; output y[N,K,K]; y[n,i,j] = {below} + [i < j] x[n, j*(j-1)//2 + i]"
    expected = np.zeros((2, order, order))
    expected[:, *np.tril_indices(order, -1)] = x
    np.testing.assert_array_equal(value(symmetric, x, K=order), expected + expected.transpose(0, 2, 1))


TEXTS = (
    "s = 2; y[n,i,j,c] = x[n, i//s, j//s, (i%s)*s + j%s + s*s*c]",
    "y[n,i,c] = sum(r) x[n, (i+r)//2, c] * w[r]",
    "y[n,i] = max(r) x[n, (i+r)//2]",
    "y[n,i] = x[n, i//2] * z[n,i]",
    "integer t; y[n,i,c] = w[t[n, i//2], c]",
    "integer t; y[n,c] = w[t[n]//2, c]",
    "integer t; y[n,c] = w[t[n]%3 + n//2, c]",
    "integer t; y[n,c] = w[(t[n]//2)//3, c]",
    "integer t; input w[V,C], t[N]; y[n,c] = w[t[n] + V//2, c]",
    "y[n] = x[n] * (N//2)",
    "s = 3; y[n,i] = sum(j) [j//s <= i//s] exp(x[n,j]) / (1 + i%s); i < 5",
    "input x[N,I,I]; y[n, i*(i+1)//2 + j] = [j <= i] exp(x[n,i,j])",
)


@together("text", TEXTS)
def test_kernels_gradients_and_pages_agree(text: str) -> None:
    rows = list(verify_layer(gradscribe.layer(text, "own"), 2))
    assert rows
    assert all(row.passed for row in rows), [row for row in rows if not row.passed]


def test_a_split_axis_is_a_view() -> None:
    text = emitted(gradscribe.layer("s = 2; y[n,i,c] = x[n, i//s, i%s, c]", "shuffle")).modules[0].text
    assert ".reshape(" in text
    assert "rt.gather" not in text


PAGE = (
    ("y[n,i] = x[n, i//2, i%2]", "y[n, 2q+v] = x[n,q,v]"),
    ("y[n,i] = x[n, i//2]", "∂E/∂x[n,q] = Σ_{v} δ[n, 2q+v]"),
    ("y[n,i] = [i % 2 == 0] * x[n,i]", "y[n,i] = x[n,i] [(i mod 2)=0]"),
)


@pytest.mark.parametrize(("text", "line"), PAGE)
def test_pages_have_the_digits(text: str, line: str) -> None:
    made: Any = gradscribe.layer(text, "own").derivation()
    assert line in str(made)
