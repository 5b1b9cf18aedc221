"""Layers with an axis that stands for any number of axes: dense, softmax and norms over arrays of any rank."""

from collections.abc import Callable, Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sympy import Eq, Expr, Idx, IndexedBase, Rational, Sum, Symbol, exp, sqrt

from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.tool.verify import verify_layer
from gradscribe.derive.derivation import derive
from gradscribe.derive.ir.functions import relu
from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.term import EquationError
from gradscribe.derive.layer.equations import Maximum, program
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.typeset.writers.text.text_writer import render

Array = np.ndarray
N, E, F, C, K = integers("N E F C K")
n, e, c, k = Idx("n", N), Idx("e", E), Idx("c", C), Idx("k", K)
EPSILON = 0.01
DTYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])
RANKS = pytest.mark.parametrize("hidden", [(), (3,), (2, 3), (2, 1, 3), (0,), (2, 0, 3)], ids=str)


def tensor(name: str, *shape: Expr) -> IndexedBase:
    return IndexedBase(name, shape=shape, real=True)


# ----- the layers -----------------------------------------------------------------------------------------------------
def dense() -> Layer:
    x, w, b, y = tensor("x", E, C), tensor("w", C, K), tensor("b", K), tensor("y", E, K)
    equation = Eq(y[e, k], Sum(x[e, c] * w[c, k], c) + b[k])
    return Layer(
        "dense",
        "Dense",
        "dense layer over the last axis",
        program(equation, inputs=(x, w, b), optional="b", ravel="x"),
        weights=("w", "b"),
        features=(("in_features", C), ("out_features", K)),
        axes=((C, "features"),),
    )


def softmax() -> Layer:
    x, m, h, z, y = tensor("x", E, C), tensor("m", E), tensor("h", E, C), tensor("z", E), tensor("y", E, C)
    equations = (
        Eq(m[e], Maximum(x[e, c], c)),
        Eq(h[e, c], exp(x[e, c] - m[e])),
        Eq(z[e], Sum(h[e, c], c)),
        Eq(y[e, c], h[e, c] / z[e]),
    )
    return Layer("softmax", "Softmax", "softmax", program(*equations, inputs=(x,), constants="m", ravel={"x": 0}))


def layer_norm() -> Layer:
    x, m, v, y = tensor("x", E, C), tensor("m", E), tensor("v", E), tensor("y", E, C)
    gamma, beta = tensor("gamma", C), tensor("beta", C)
    equations = (
        Eq(m[e], Sum(x[e, c], c) / C),
        Eq(v[e], Sum((x[e, c] - m[e]) ** 2, c) / C),
        Eq(y[e, c], gamma[c] * (x[e, c] - m[e]) / sqrt(v[e] + Rational(1, 100)) + beta[c]),
    )
    return Layer(
        "layer_norm",
        "LayerNorm",
        "normalisation over the last axis",
        program(*equations, inputs=(x, gamma, beta), ravel="x"),
        weights=("gamma", "beta"),
        features=(("features", C),),
        initial=(("gamma", 1.0), ("beta", 0.0)),
    )


def instance_norm() -> Layer:
    x, m, v, y = tensor("x", N, E, C), tensor("m", N, C), tensor("v", N, C), tensor("y", N, E, C)
    equations = (
        Eq(m[n, c], Sum(x[n, e, c], e) / E),
        Eq(v[n, c], Sum((x[n, e, c] - m[n, c]) ** 2, e) / E),
        Eq(y[n, e, c], (x[n, e, c] - m[n, c]) / sqrt(v[n, c] + Rational(1, 100))),
    )
    layer_program = program(*equations, inputs=(x,), ravel={"x": 1})
    return Layer("instance_norm", "InstanceNorm", "instance norm", layer_program, axes=((N, "batch"),))


def pooled() -> Layer:
    """The sum over everything but the channels: the gradient needs the input's shape."""
    x, y = tensor("x", N, E, C), tensor("y", N, C)
    equation = Eq(y[n, c], Sum(x[n, e, c], e))
    return Layer("pooled", "Pooled", "global sum", program(equation, inputs=(x,), ravel={"x": 1}))


def total() -> Layer:
    """The sum of all elements, whatever the rank."""
    x, y = tensor("x", E), Symbol("y")
    return Layer("total", "Total", "total", program(Eq(y, Sum(x[e], e)), inputs=(x,), ravel="x"))


def masked() -> Layer:
    """An additive mask of the same shape, or none, before a rectifier; the sum over channels keeps the others."""
    x, mask, y = tensor("x", E, C), tensor("mask", E, C), tensor("y", E)
    equation = Eq(y[e], Sum(relu(x[e, c] + mask[e, c]), c))
    return Layer("masked", "Masked", "masked", program(equation, inputs=(x, mask), optional="mask", ravel="x"))


@cache
def module(build: Callable[[], Layer]) -> Any:
    return compile_layer(build())


# ----- the same in NumPy ----------------------------------------------------------------------------------------------
def norm_by_hand(x: Array, axes: tuple[int, ...]) -> Array:
    centred = x - x.mean(axes, keepdims=True)
    value: Array = centred / np.sqrt((centred**2).mean(axes, keepdims=True) + EPSILON)
    return value


def softmax_by_hand(x: Array) -> Array:
    h = np.exp(x - x.max(-1, keepdims=True))
    value: Array = h / h.sum(-1, keepdims=True)
    return value


def slopes(function: Callable[[Array], Array], x: Array, dy: Array) -> Array:
    """Central differences of sum(dy * function(x))."""
    found = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = 1e-5
        found[place] = (dy * (function(x + step) - function(x - step))).sum() / 2e-5
    return found


def close(found: Array, expected: Array, dtype: Any) -> None:
    assert found.dtype == dtype
    assert found.shape == expected.shape
    tolerance = 1e-9 if dtype is np.float64 else 2e-4
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def checked(cls: Any, x: Array, expected: Array, function: Callable[[Array], Array], dtype: Any) -> None:
    """The output of a layer object, and its gradient against central differences of `function`."""
    close(cls(x.astype(dtype)), expected, dtype)
    dy = np.random.default_rng(1).normal(size=expected.shape)
    dx = cls.backward(dy.astype(dtype))
    assert dx.dtype == dtype
    assert dx.shape == x.shape
    np.testing.assert_allclose(dx, slopes(function, x, dy), rtol=1e-3, atol=1e-5 if dtype is np.float64 else 2e-4)


@DTYPES
@RANKS
def test_dense_over_arrays_of_any_rank(hidden: tuple[int, ...], dtype: Any) -> None:
    rng = np.random.default_rng(0)
    x, w, b = (rng.normal(size=shape).astype(dtype) for shape in ((*hidden, 4), (4, 5), (5,)))
    dy = rng.normal(size=(*hidden, 5)).astype(dtype)
    found = module(dense)
    close(found.dense_forward(x, w, b), x @ w + b, dtype)
    close(found.dense_forward(x, w), x @ w, dtype)
    close(found.dense_grad_input(dy, w), dy @ w.T, dtype)
    close(found.dense_grad_weight(dy, x), x.reshape(int(np.prod(hidden)), 4).T @ dy.reshape(-1, 5), dtype)
    close(found.dense_grad_bias(dy), dy.sum(tuple(range(len(hidden)))), dtype)


@DTYPES
@RANKS
def test_softmax_over_the_last_axis(hidden: tuple[int, ...], dtype: Any) -> None:
    x = np.random.default_rng(0).normal(size=(*hidden, 4))
    checked(module(softmax).Softmax(), x, softmax_by_hand(x), softmax_by_hand, dtype)


@DTYPES
@RANKS
def test_layer_norm_over_the_last_axis(hidden: tuple[int, ...], dtype: Any) -> None:
    x = np.random.default_rng(0).normal(size=(*hidden, 4))
    layer = module(layer_norm).LayerNorm(4, dtype=dtype)
    checked(layer, x, norm_by_hand(x, (-1,)), lambda v: norm_by_hand(v, (-1,)), dtype)
    axes = tuple(range(len(hidden)))
    dy = np.random.default_rng(1).normal(size=x.shape)
    np.testing.assert_allclose(layer.grads["gamma"], (dy * norm_by_hand(x, (-1,))).sum(axes), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(layer.grads["beta"], dy.sum(axes), rtol=1e-3, atol=1e-5)


@DTYPES
@pytest.mark.parametrize("hidden", [(5,), (2, 3), (3, 1, 2)], ids=str)
def test_instance_norm_between_the_batch_and_the_channels(hidden: tuple[int, ...], dtype: Any) -> None:
    x = np.random.default_rng(0).normal(size=(2, *hidden, 3))
    axes = tuple(range(1, 1 + len(hidden)))
    checked(module(instance_norm).InstanceNorm(), x, norm_by_hand(x, axes), lambda v: norm_by_hand(v, axes), dtype)


@pytest.mark.parametrize("shape", [(2, 3), (0, 3), (0, 4, 3), (2, 0, 3), (2, 4, 0)], ids=str)
def test_instance_norm_of_one_element_or_none(shape: tuple[int, ...]) -> None:
    """Without axes in between every element is its own mean; an empty array stays empty."""
    layer = module(instance_norm).InstanceNorm()
    with np.errstate(invalid="ignore", divide="ignore"):
        y = layer(np.ones(shape))
        dx = layer.backward(np.ones(shape))
    assert y.shape == dx.shape == shape
    np.testing.assert_array_equal(y, np.zeros(shape))
    np.testing.assert_array_equal(dx, np.zeros(shape))


@DTYPES
@RANKS
def test_a_sum_over_any_axes_needs_their_extents_for_its_gradient(hidden: tuple[int, ...], dtype: Any) -> None:
    x = np.random.default_rng(0).normal(size=(2, *hidden, 3)).astype(dtype)
    dy = np.random.default_rng(1).normal(size=(2, 3)).astype(dtype)
    axes = tuple(range(1, 1 + len(hidden)))
    found = module(pooled)
    close(found.pooled_forward(x), x.sum(axes), dtype)
    expected = np.broadcast_to(dy.reshape(2, *(1 for _ in hidden), 3), x.shape)
    close(found.pooled_grad_input(dy, input_shape=x.shape), expected, dtype)
    layer = found.Pooled()
    layer(x)
    close(layer.backward(dy), expected, dtype)


@RANKS
def test_a_sum_of_all_elements(hidden: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=hidden)
    found = module(total)
    np.testing.assert_allclose(found.total_forward(x), x.sum())
    np.testing.assert_array_equal(found.total_grad_input(2.0, input_shape=hidden), np.full(hidden, 2.0))


@DTYPES
@RANKS
def test_an_optional_array_of_any_rank(hidden: tuple[int, ...], dtype: Any) -> None:
    rng = np.random.default_rng(0)
    x, mask = rng.normal(size=(*hidden, 4)).astype(dtype), rng.normal(size=(*hidden, 4)).astype(dtype)
    dy = rng.normal(size=hidden).astype(dtype)
    layer = module(masked).Masked()
    for argument, shifted in ((mask, x + mask), (None, x)):
        close(np.asarray(layer(x, argument)), np.maximum(shifted, 0).sum(-1), dtype)
        dx, dmask = layer.backward(dy)
        close(dx, (shifted > 0) * dy[..., None], dtype)
        assert dmask is None if argument is None else np.array_equal(dmask, dx)


def test_nothing_is_copied_on_the_way_in() -> None:
    """The rows of an array of any rank are a view: a float64 array of 8 MB needs no second one."""
    source = module(dense)
    x, w = np.ones((2, 3, 4)), np.eye(4)
    seen: list[Array] = []
    runtime = source.rt
    original = runtime.contract

    def contract(spec: str, left: Array, *others: Any, **options: Any) -> Array:
        seen.append(left)
        return original(spec, left, *others, **options)

    runtime.contract = contract
    try:
        source.dense_forward(x, w)
    finally:
        runtime.contract = original
    assert [np.shares_memory(left, x) for left in seen] == [True]


# ----- wrong arguments ------------------------------------------------------------------------------------------------
X, W = np.ones((2, 3, 4)), np.ones((4, 5))
BAD: dict[str, tuple[Callable[[], Any], Sequence[str]]] = {
    "a number for dense": (
        lambda: module(dense).dense_forward(np.ones(()), W),
        ["dense", "argument x", "at least 1 axis, (..., C)", "received 0", "shape ()"],
    ),
    "one axis for instance norm": (
        lambda: module(instance_norm).instance_norm_forward(np.ones(3)),
        ["instance_norm", "argument x", "at least 2 axes, (N, ..., C)", "received 1", "shape (3,)"],
    ),
    "rank of dy": (
        lambda: module(dense).dense_grad_weight(np.ones((6, 5)), X),
        ["dense", "argument dy", "extents (2, 3) for ... in (..., K)", "received (6,)", "shape (6, 5)"],
    ),
    "hidden axes of dy": (
        lambda: module(dense).dense_grad_weight(np.ones((3, 2, 5)), X),
        ["dense", "argument dy", "extents (2, 3)", "received (3, 2)"],
    ),
    "hidden axes of a saved tensor": (
        lambda: module(softmax).softmax_grad_input(X, X.reshape(3, 2, 4)),
        ["softmax", "argument y", "(2, 3)", "(3, 2)"],
    ),
    "features": (
        lambda: module(dense).dense_forward(X[..., :3], W),
        ["dense", "argument x", "axis -1 (features)", "expected 4", "received 3"],
    ),
    "batch of dy": (
        lambda: module(instance_norm).instance_norm_grad_input(X[:1], np.ones((2, 4)), X),
        ["instance_norm", "argument dy", "axis 0 (batch)", "expected 2", "received 1"],
    ),
    "last axis of dy": (
        lambda: module(instance_norm).instance_norm_grad_input(X[..., :2], np.ones((2, 4)), X),
        ["instance_norm", "argument dy", "axis -1 (C)", "expected 4", "received 2"],
    ),
    "hidden axes of a mask": (
        lambda: module(masked).masked_forward(X, X.reshape(3, 2, 4)),
        ["masked", "argument mask", "extents (2, 3)", "received (3, 2)"],
    ),
    "rank of input_shape": (
        lambda: module(pooled).pooled_grad_input(np.ones((2, 3)), input_shape=(2,)),
        ["pooled", "argument input_shape", "at least 2 axes, (N, ..., C)", "received 1"],
    ),
    "input_shape that is none": (
        lambda: module(total).total_grad_input(1.0, input_shape="ab"),
        ["total", "argument input_shape", "expected a shape", "'ab'"],
    ),
    "input_shape of another batch": (
        lambda: module(pooled).pooled_grad_input(np.ones((2, 3)), input_shape=(4, 5, 3)),
        ["pooled", "argument dy", "axis 0", "expected 4", "received 2"],
    ),
}


@pytest.mark.parametrize(("call", "words"), BAD.values(), ids=BAD)
def test_messages_name_layer_argument_expected_and_received(call: Callable[[], Any], words: Sequence[str]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are compared below
        call()
    assert [word for word in words if word not in str(caught.value)] == []


def test_a_docstring_shows_the_axes() -> None:
    text = module(softmax).softmax_grad_input.__doc__
    assert "dy, shape (..., C), dE/dy;" in text
    assert "y, shape (..., C), as the forward function returned it." in text
    assert "x, shape (N, ..., C)" in module(instance_norm).instance_norm_forward.__doc__


def test_the_derivation_says_which_extent_stands_for_any_axes() -> None:
    text = render(derive(instance_norm()))
    assert "x is (N, M, C), y is (N, M, C), M for any number of axes." in text
    assert "x has M elements (of any shape), y is a scalar." in render(derive(total()))


# ----- declarations ---------------------------------------------------------------------------------------------------
def test_every_tensor_with_the_extent_follows() -> None:
    first, second = ({n: t.ravel for n, t in build().program.tensors.items()} for build in (layer_norm, instance_norm))
    assert first == {"x": 0, "gamma": None, "beta": None, "m": 0, "v": 0, "y": 0}
    assert second == {"x": 1, "m": None, "v": None, "y": 1}


x, y = tensor("x", E, C), tensor("y", E, C)
WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "unknown name": (lambda: program(Eq(y[e, c], x[e, c]), inputs=(x,), ravel="z"), "ravel names z"),
    "no such axis": (lambda: program(Eq(y[e, c], x[e, c]), inputs=(x,), ravel={"x": 2}), "x: ravel needs the number"),
    "an extent that is no symbol": (
        lambda: program(Eq(tensor("y", C)[c], tensor("x", 2 * C)[c]), inputs=(tensor("x", 2 * C),), ravel="x"),
        "x: ravel needs the number of an axis whose extent is a symbol",
    ),
    "twice in one tensor": (
        lambda: program(
            Eq(tensor("y", E, E)[e, Idx("f", E)], tensor("x", E)[e] * tensor("x", E)[Idx("f", E)]),
            inputs=(tensor("x", E),),
            ravel="x",
        ),
        "y has two axes that stand for any number of axes",
    ),
    "two extents": (
        lambda: compiled(program(Eq(y[e, c], x[e, c] * tensor("z", F)[0]), inputs=(x, tensor("z", F)), ravel="x z")),
        "own: E and F stand for any number of axes each",
    ),
    "a weight": (
        lambda: compiled(program(Eq(y[e, c], x[e, c] * tensor("w", E)[e]), inputs=(x, tensor("w", E)), ravel="x"), "w"),
        "own: weight w has an axis for any number of axes",
    ),
}


def compiled(source: Any, *weights: str) -> ModuleType:
    return compile_layer(Layer("own", "Own", "own", source, weights=weights))


@pytest.mark.parametrize(("build", "message"), WRONG.values(), ids=WRONG)
def test_wrong_declarations_are_refused(build: Callable[[], object], message: str) -> None:
    with pytest.raises(EquationError, match=message):
        build()


@pytest.mark.parametrize("build", [dense, softmax, layer_norm, instance_norm, pooled, total, masked])
def test_rows_and_kernels_are_verified(build: Callable[[], Layer]) -> None:
    lines = list(verify_layer(build(), 2))
    assert len(lines) > 2
    assert [line.checked for line in lines if not line.passed] == []
