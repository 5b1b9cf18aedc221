"""Elementwise layers: against formulas of the math module, at their kinks, far out, and against PyTorch."""

import math
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from gradscribe.codegen.driver import compile_layer
from gradscribe.derive.catalogue.layers import LAYERS
from tests.cases.together import together

Array = np.ndarray
FAMILIES = ("activation", "rectifier")
ELEMENTWISE = sorted({n for n, e in LAYERS.items() if e.module.endswith(FAMILIES)} - {"prelu"})
EVERY = together("name", ELEMENTWISE)


@cache
def module(name: str) -> ModuleType:
    return compile_layer(LAYERS[name]())


def layer(name: str, **options: Any) -> Any:
    return getattr(module(name), LAYERS[name]().class_name)(**options)


def value_and_slope(name: str, x: Any, dtype: Any = np.float64, **options: Any) -> tuple[Array, Array]:
    built, x = layer(name, **options), np.asarray(x, dtype)
    return built(x), built.backward(np.ones_like(x))


# ----- against the math module ---------------------------------------------------------------------------------------
def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


FORMULAS: dict[str, Callable[[float], float]] = {
    "relu": lambda x: max(x, 0.0),
    "leaky_relu": lambda x: x if x > 0 else 0.01 * x,
    "elu": lambda x: x if x > 0 else math.exp(x) - 1,
    "selu": lambda x: 1.0507009873554804934 * (x if x > 0 else 1.6732632423543772848 * (math.exp(x) - 1)),
    "celu": lambda x: x if x > 0 else math.exp(x) - 1,
    "relu6": lambda x: min(max(x, 0.0), 6.0),
    "hard_tanh": lambda x: min(max(x, -1.0), 1.0),
    "hard_sigmoid": lambda x: min(max(x / 6 + 0.5, 0.0), 1.0),
    "hard_swish": lambda x: x * min(max(x / 6 + 0.5, 0.0), 1.0),
    "sigmoid": logistic,
    "log_sigmoid": lambda x: math.log(logistic(x)),
    "tanh": math.tanh,
    "scaled_tanh": lambda x: 1.7159 * math.tanh(2 / 3 * x),
    "softplus": lambda x: math.log(1 + math.exp(x)),
    "softsign": lambda x: x / (1 + abs(x)),
    "silu": lambda x: x * logistic(x),
    "gelu": lambda x: x * 0.5 * math.erfc(-x / math.sqrt(2)),
    "gelu_tanh": lambda x: x * 0.5 * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "mish": lambda x: x * math.tanh(math.log(1 + math.exp(x))),
}
POINTS = (-7.3, -3.1, -2.9, -1.4, -0.6, -1e-3, 2e-3, 0.4, 0.9, 1.7, 2.8, 3.3, 5.9, 6.4)
"""None within 1e-4 of a kink."""


@EVERY
def test_values_and_slopes_follow_the_formula(name: str) -> None:
    formula, step = FORMULAS[name], 1e-5
    y, slope = value_and_slope(name, POINTS)
    np.testing.assert_allclose(y, [formula(x) for x in POINTS], rtol=1e-12, atol=1e-15)
    differences = [(formula(x + step) - formula(x - step)) / (2 * step) for x in POINTS]
    np.testing.assert_allclose(slope, differences, rtol=1e-6, atol=1e-8)


OPTIONS: list[tuple[str, dict[str, float], Callable[[float], float]]] = [
    ("leaky_relu", {"negative_slope": 0.3}, lambda x: x if x > 0 else 0.3 * x),
    ("leaky_relu", {"negative_slope": -0.5}, lambda x: x if x > 0 else -0.5 * x),
    ("elu", {"alpha": 1.7}, lambda x: x if x > 0 else 1.7 * (math.exp(x) - 1)),
    ("celu", {"alpha": 1.7}, lambda x: x if x > 0 else 1.7 * (math.exp(x / 1.7) - 1)),
    ("softplus", {"beta": 2.5}, lambda x: math.log1p(math.exp(2.5 * x)) / 2.5),
    ("hard_tanh", {"min_val": -2.0, "max_val": 0.5}, lambda x: min(max(x, -2.0), 0.5)),
    ("scaled_tanh", {"amplitude": 2.0, "slope": 0.7}, lambda x: 2 * math.tanh(0.7 * x)),
]


@pytest.mark.parametrize(("name", "options", "formula"), OPTIONS)
def test_options_enter_the_formula(name: str, options: dict[str, float], formula: Callable[[float], float]) -> None:
    step = 1e-5
    y, slope = value_and_slope(name, POINTS, **options)
    np.testing.assert_allclose(y, [formula(x) for x in POINTS], rtol=1e-12)
    differences = [(formula(x + step) - formula(x - step)) / (2 * step) for x in POINTS]
    np.testing.assert_allclose(slope, differences, rtol=1e-6, atol=1e-8)


# ----- at kinks, PyTorch's choice -------------------------------------------------------------------------------------
KINKS: list[tuple[str, dict[str, float], dict[float, float]]] = [
    ("relu", {}, {0.0: 0.0}),
    ("leaky_relu", {}, {0.0: 0.01}),
    ("elu", {"alpha": 1.5}, {0.0: 1.5}),
    ("celu", {"alpha": 1.5}, {0.0: 1.0}),
    ("selu", {}, {0.0: 1.7580993408473768}),
    ("relu6", {}, {0.0: 0.0, 6.0: 0.0}),
    ("hard_tanh", {}, {-1.0: 0.0, 1.0: 0.0}),
    ("hard_tanh", {"min_val": -2.0, "max_val": 0.5}, {-2.0: 0.0, -1.0: 1.0, 0.5: 0.0}),
    ("hard_sigmoid", {}, {-3.0: 0.0, 3.0: 0.0}),
    ("hard_swish", {}, {-3.0: 0.0, 3.0: 1.0}),
    ("softsign", {}, {0.0: 1.0}),
]


@pytest.mark.parametrize(("name", "options", "slopes"), KINKS)
def test_slope_at_a_kink(name: str, options: dict[str, float], slopes: dict[float, float]) -> None:
    _, found = value_and_slope(name, list(slopes), **options)
    np.testing.assert_allclose(found, list(slopes.values()), rtol=1e-15)


def test_prelu_learns_a_slope_per_channel() -> None:
    prelu = layer("prelu", num_parameters=2, dtype=np.float64)
    np.testing.assert_array_equal(prelu.params["a"], [0.25, 0.25])
    prelu.params["a"] = np.array([0.5, -2.0])
    x = np.array([[[1.0, -3.0], [0.0, 0.0]], [[-4.0, 5.0], [-6.0, -7.0]]])
    np.testing.assert_array_equal(prelu(x), [[[1.0, 6.0], [0.0, 0.0]], [[-2.0, 5.0], [-3.0, 14.0]]])
    dy = np.array([[[1.0, 10.0], [100.0, 1000.0]], [[2.0, 20.0], [200.0, 2000.0]]])
    dx = prelu.backward(dy)
    np.testing.assert_array_equal(dx, [[[1.0, -20.0], [50.0, -2000.0]], [[1.0, 20.0], [100.0, -4000.0]]])
    np.testing.assert_array_equal(prelu.grads["a"], [2 * -4 + 200 * -6, 10 * -3 + 2000 * -7])


# ----- far out --------------------------------------------------------------------------------------------------------
@EVERY
@pytest.mark.parametrize(("dtype", "sizes"), [(np.float32, (90.0, 1e4, 1e18)), (np.float64, (720.0, 1e4, 1e150))])
def test_large_values_neither_overflow_nor_warn(name: str, dtype: Any, sizes: tuple[float, ...]) -> None:
    x = np.array([sign * size for size in sizes for sign in (-1, 1)], dtype)
    if name == "gelu_tanh":  # its cube is beyond the largest number, as in PyTorch
        x = np.sign(x) * np.minimum(np.abs(x), dtype(1e12 if dtype == np.float32 else 1e100))
    with np.errstate(all="raise", under="ignore"):
        y, slope = value_and_slope(name, x, dtype)
    assert y.dtype == slope.dtype == dtype
    assert np.isfinite(y).all()
    assert np.isfinite(slope).all()
    assert (np.abs(slope) <= 2).all()


LIMITS = {
    "relu": (0.0, math.inf, 0.0, 1.0),
    "elu": (-1.0, math.inf, 0.0, 1.0),
    "sigmoid": (0.0, 1.0, 0.0, 0.0),
    "log_sigmoid": (-math.inf, 0.0, 1.0, 0.0),
    "tanh": (-1.0, 1.0, 0.0, 0.0),
    "softplus": (0.0, math.inf, 0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0, 0.0, 0.0),
    "gelu": (math.nan, math.inf, math.nan, math.nan),  # 0 times infinity, as PyTorch has it
    "silu": (math.nan, math.inf, math.nan, math.nan),
}


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_infinity(name: str) -> None:
    with np.errstate(invalid="ignore"):
        y, slope = value_and_slope(name, [-math.inf, math.inf])
    np.testing.assert_array_equal([*y, *slope], LIMITS[name])


@EVERY
def test_nan_is_passed_on(name: str) -> None:
    assert np.isnan(value_and_slope(name, [math.nan])[0]).all()


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "relu6", "hard_tanh", "hard_sigmoid"])
def test_the_slope_at_nan_is_0_as_no_bracket_holds(name: str) -> None:
    np.testing.assert_array_equal(value_and_slope(name, [math.nan])[1], [0.0])


@EVERY
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 1, 3)])
def test_any_shape(name: str, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    y, slope = value_and_slope(name, x)
    assert y.shape == slope.shape == shape
    np.testing.assert_allclose(y.reshape(-1), value_and_slope(name, x.reshape(-1))[0])


# ----- dropout --------------------------------------------------------------------------------------------------------
def test_dropout_scales_what_stays() -> None:
    dropout = layer("dropout", p=0.75)
    x, mask = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    np.testing.assert_array_equal(dropout(x, mask), [[4.0, 0.0], [0.0, 16.0]])
    np.testing.assert_array_equal(dropout.backward(np.array([[5.0, 6.0], [7.0, 8.0]])), [[20.0, 0.0], [0.0, 32.0]])


# ----- against PyTorch ------------------------------------------------------------------------------------------------
TORCH: dict[str, Callable[[Any, Any], Any]] = {
    "relu": lambda f, x: f.relu(x),
    "leaky_relu": lambda f, x: f.leaky_relu(x),
    "elu": lambda f, x: f.elu(x),
    "selu": lambda f, x: f.selu(x),
    "celu": lambda f, x: f.celu(x),
    "relu6": lambda f, x: f.relu6(x),
    "hard_tanh": lambda f, x: f.hardtanh(x),
    "hard_sigmoid": lambda f, x: f.hardsigmoid(x),
    "hard_swish": lambda f, x: f.hardswish(x),
    "sigmoid": lambda f, x: x.sigmoid(),
    "log_sigmoid": lambda f, x: f.logsigmoid(x),
    "tanh": lambda f, x: x.tanh(),
    "scaled_tanh": lambda f, x: 1.7159 * (2 / 3 * x).tanh(),
    "softplus": lambda f, x: f.softplus(x, threshold=1e9),
    "softsign": lambda f, x: f.softsign(x),
    "silu": lambda f, x: f.silu(x),
    "gelu": lambda f, x: f.gelu(x),
    "gelu_tanh": lambda f, x: f.gelu(x, approximate="tanh"),
    "mish": lambda f, x: f.mish(x),
}


@pytest.mark.oracle
@EVERY
def test_agrees_with_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    grid = np.arange(-60, 61) / 8  # every kink is on it
    x = np.concatenate([grid, rng.normal(size=300) * 3, rng.normal(size=50) * 100])
    dy = rng.normal(size=x.shape)
    theirs = torch.tensor(x, requires_grad=True)
    expected = TORCH[name](torch.nn.functional, theirs)
    expected.backward(torch.tensor(dy))
    built = layer(name)
    np.testing.assert_allclose(built(x), expected.detach().numpy(), rtol=1e-9, atol=1e-15)
    # PyTorch divides by 6 in float32 here, and lets 1 - tanh^2 cancel in another order
    tolerance = 1e-7 if name == "hard_sigmoid" else 1e-9
    np.testing.assert_allclose(built.backward(dy), theirs.grad.numpy(), rtol=tolerance, atol=1e-14)


@pytest.mark.oracle
def test_prelu_agrees_with_pytorch() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(2)
    for shape in [(4, 3), (2, 5, 3), (2, 3, 4, 3), (0, 3)]:
        x, dy = np.round(rng.normal(size=shape), 1), rng.normal(size=shape)
        prelu = layer("prelu", num_parameters=3, dtype=np.float64)
        prelu.params["a"] = rng.normal(size=3)
        theirs = torch.nn.PReLU(3).double()
        theirs.weight.data = torch.tensor(prelu.params["a"])
        given = torch.tensor(x, requires_grad=True)
        expected = theirs(given.movedim(-1, 1)).movedim(1, -1)
        expected.backward(torch.tensor(dy))
        np.testing.assert_allclose(prelu(x), expected.detach().numpy(), rtol=1e-12)
        np.testing.assert_allclose(prelu.backward(dy), given.grad.numpy(), rtol=1e-12)
        np.testing.assert_allclose(prelu.grads["a"], theirs.weight.grad.numpy(), rtol=1e-9, atol=1e-12)
