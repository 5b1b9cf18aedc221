"""The scalar functions of derive/ir/functions.py: values, derivatives and kernels' text, each by other means."""

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
import sympy
from sympy import (
    Abs,
    Dummy,
    Eq,
    Expr,
    Idx,
    IndexedBase,
    Integer,
    Rational,
    Sum,
    Symbol,
    atan,
    cosh,
    erf,
    exp,
    log,
    pi,
    sign,
    sinh,
    sqrt,
    tanh,
)
from sympy.codegen.cfunctions import expm1, log1p

from gradscribe.codegen.numpy.print.numpy_table import WORDS
from gradscribe.codegen.python.expression import Name
from gradscribe.codegen.python.scalars.array_printer import ArrayPrinter
from gradscribe.codegen.python.text import printer
from gradscribe.codegen.tool.verify import verify_layer
from gradscribe.derive.calculus.differentiate import derivative, differentiate
from gradscribe.derive.ir.functions import (
    FUNCTIONS,
    activation,
    activation_prime,
    at_least,
    ceil,
    divides,
    equal,
    floor,
    greater,
    larger,
    relu,
    rounded,
    sigmoid,
    smaller,
    softplus,
    step,
    unequal,
    whole,
)
from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.interpret import evaluate, interpret
from gradscribe.derive.ir.term import Access, Program, Range, Statement, Tensor, Term
from gradscribe.derive.ir.well_formed import check
from gradscribe.derive.layer.equations import program
from gradscribe.derive.layer.interface import Kind, Layer, Option
from gradscribe.generated import runtime as rt
from tests.cases.together import together

Array = np.ndarray
n, N, M = integers("n N M")
p, S = Symbol("p", real=True), Symbol("S", real=True)
x, w = Access("x", n), Access("w", n)
AWKWARD = [-np.inf, -3.0, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0, np.inf, np.nan]


def value(body: Expr, given: dict[str, Array], options: dict[Symbol, Any] | None = None) -> Array:
    """The oracle's value."""
    return evaluate(Term((Range(n, N),), (), body), given, {N: len(given["x"]), **(options or {})})[0]


def computed(
    body: Expr, given: dict[str, Array], dtype: Any = np.float64, options: dict[str, Any] | None = None
) -> Any:
    """What the kernel's text of `body` gives; a warning is an error."""
    arrays = {k: np.asarray(v, dtype) for k, v in given.items()}
    names = {"np": np, "rt": rt, "dtype": dtype, **arrays, **(options or {}), "n": np.arange(len(given["x"]))}
    return eval(text(body), names)


def text(body: Expr) -> str:
    return printer.text(
        ArrayPrinter(WORDS, lambda access: Name(access.tensor), lambda s, whole: Name(s.name), (n,)).value(body)
    )


# ----- values ---------------------------------------------------------------------------------------------------------
ONE: dict[Any, Callable[[float], float]] = {
    softplus: lambda a: math.log1p(math.exp(-abs(a))) + max(a, 0),
    erf: math.erf,
    expm1: math.expm1,
    log1p: math.log1p,
    sinh: math.sinh,
    cosh: math.cosh,
    atan: math.atan,
    sympy.tan: math.tan,
    sympy.asin: math.asin,
    sympy.acos: math.acos,
    sympy.asinh: math.asinh,
    sympy.acosh: math.acosh,
    sympy.atanh: math.atanh,
    sqrt: math.sqrt,
    floor: math.floor,
    ceil: math.ceil,
    rounded: round,
}
WHERE: dict[Any, Callable[[np.ndarray], np.ndarray]] = {
    **dict.fromkeys((log1p, sqrt), np.abs),
    **dict.fromkeys((sympy.tan, sympy.asin, sympy.acos, sympy.atanh), lambda a: 0.9 * np.tanh(a)),
    sympy.acosh: lambda a: 1.1 + np.abs(a),
}
"""Numbers of the domain of a function that has not all."""
TWO: dict[Any, Callable[[float, float], float]] = {
    greater: lambda a, b: float(a > b),
    at_least: lambda a, b: float(a >= b),
    unequal: lambda a, b: float(a != b),
    equal: lambda a, b: float(a == b),
    larger: lambda a, b: a + b if math.isnan(a + b) and (a != a or b != b) else max(a, b),
    smaller: lambda a, b: a + b if math.isnan(a + b) and (a != a or b != b) else min(a, b),
}


@pytest.mark.parametrize("function", ONE, ids=lambda f: f.__name__)
def test_values_are_those_of_the_math_module(function: Any) -> None:
    numbers = np.random.default_rng(0).normal(size=200) * 3
    given = {"x": WHERE.get(function, np.array)(numbers)}
    expected = [ONE[function](a) for a in given["x"].tolist()]
    np.testing.assert_allclose(value(function(x), given), expected, rtol=1e-15)
    np.testing.assert_allclose(computed(function(x), given), expected, rtol=1e-15)
    found = computed(function(x), given, np.float32)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("function", TWO, ids=lambda f: f.__name__)
def test_values_of_two_arguments_at_every_awkward_pair(function: Any) -> None:
    pairs = list(product(AWKWARD, AWKWARD))
    given = {"x": np.array([a for a, _ in pairs]), "w": np.array([b for _, b in pairs])}
    expected = [TWO[function](a, b) for a, b in pairs]
    np.testing.assert_array_equal(value(function(x, w), given), expected)
    for dtype in (np.float32, np.float64):
        found = computed(function(x, w), given, dtype)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == dtype


def test_softplus_neither_overflows_nor_cancels() -> None:
    given = {"x": np.array([-1000.0, -700, -40, 0, 40, 1000, np.inf, -np.inf])}
    expected = [0, math.exp(-700), math.exp(-40), math.log(2), 40, 1000, np.inf, 0]
    np.testing.assert_allclose(computed(softplus(x), given), expected, rtol=1e-15)
    np.testing.assert_allclose(value(softplus(x), given), expected, rtol=1e-15)


@pytest.mark.parametrize("length", [0, 1])
def test_the_oracle_takes_an_empty_array(length: int) -> None:
    np.testing.assert_array_equal(value(erf(x), {"x": np.zeros(length)}), np.zeros(length))


@pytest.mark.parametrize(
    "body",
    [
        larger(x, 0) + smaller(S, w),
        larger(S, 2) * x,
        softplus(S) * x,
        erf(S) * x,
        erf(x / sqrt(2)),
        sqrt(2 / pi) * tanh(x),
        sqrt(S) * x,
        S**p * x,
        Abs(x) ** p,
        (1 + x**2) ** (1 / p),
        1 / (1 + x**2) ** Rational(3, 2),
        greater(x, S) + x,
        greater(S, 1) * x,
        greater(S, 1) + x,
        exp(at_least(x, w) * x),
        x * greater(n, 1),
    ],
    ids=str,
)
def test_float32_stays_float32_and_near_the_oracle(body: Expr) -> None:
    rng = np.random.default_rng(1)
    given = {"x": rng.normal(size=4), "w": rng.normal(size=4)}
    options = {S: 1.5, p: 2.5}
    found = computed(body, given, np.float32, {s.name: v for s, v in options.items()})
    assert found.dtype == np.float32, text(body)
    np.testing.assert_allclose(found, value(body, given, options), rtol=1e-5, err_msg=text(body))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (greater(x, w) * w, "np.where(x > w, w, 0)"),
        (greater(x, w) * at_least(w, 0) * unequal(n, 2), "np.where((w >= 0) & (x > w) & (n != 2), dtype(1), dtype(0))"),
        (greater(x, w) + 1, "(x > w).astype(dtype) + 1"),
        (exp(greater(x, w) * x), "np.exp(np.where(x > w, x, 0))"),
        (2 * x / sqrt(pi), "1.1283791670955126 * x"),
        ((x + w) / sqrt(2), "0.7071067811865476 * (w + x)"),
        (sqrt(2) + x, "x + 1.4142135623730951"),
        (softplus(x), "rt.softplus(x)"),
        (erf(x), "rt.erf(x)"),
        (larger(x, 0), "np.maximum(x, 0)"),
        (x ** Rational(-1, 2), "1 / np.sqrt(x)"),
        (x ** Rational(-3, 2), "1 / x ** (3 / 2)"),
        (Abs(x) ** (p - 1), "np.abs(x) ** (p - 1)"),
        (sqrt(N) * x, "N ** (1 / 2) * x"),
    ],
    ids=str,
)
def test_kernels_read_well(body: Expr, expected: str) -> None:
    assert text(body) == expected


@pytest.mark.parametrize("extreme", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("bracket", [greater(x, 0), at_least(x, 1), unequal(x, -1), greater(n, 0)], ids=str)
def test_every_bracket_is_a_strong_zero(bracket: Expr, extreme: float) -> None:
    given = {"x": np.array([-1.0, 1.0]), "w": np.full(2, extreme)}
    for body in (bracket * w, bracket**2 * w * x, greater(1, 0) * bracket * w):
        found = computed(body, given)
        assert found[0] == 0 == value(body, given)[0]
        assert not np.isfinite(found[1])


def test_the_root_of_a_negative_option_is_nan_not_complex() -> None:
    for body in (sqrt(S), S**p, 1 / sqrt(S)):
        with np.errstate(invalid="ignore"):
            assert math.isnan(eval(text(body), {"np": np, "rt": rt, "S": -2.0, "p": 0.5}))


# ----- derivatives ----------------------------------------------------------------------------------------------------
def slopes(body: Expr, given: dict[str, Array], by: Access = x, options: dict[Symbol, Any] | None = None) -> Array:
    return value(derivative(body, by), given, options)


SMOOTH = [
    softplus(x), erf(x), expm1(x), sinh(x), cosh(x), atan(x), tanh(x), sigmoid(x), exp(x), sympy.sin(x), sympy.cos(x),
    log1p(x**2), log(1 + x**2), sqrt(1 + x**2), 1 / sqrt(1 + x**2), (1 + x**2) ** (1 / p), (1 + x**2) ** p, Abs(x) ** p,
    2**x, sqrt(2 / pi) * erf(x / sqrt(2)), (x * w) ** Integer(3), x * erf(x) * softplus(w), Abs(1 + x**2) ** p,
    Abs(sigmoid(x)), Abs(log(2 + x**2)), Abs(sqrt(1 + x**2)), x**n, (1 + x**2) ** (n + Rational(1, 2)),
    sympy.tan(x / 4), sympy.asin(tanh(x)), sympy.acos(tanh(x) / 2), sympy.asinh(x), sympy.acosh(2 + x**2),
    sympy.atanh(tanh(x) / 2), activation(x), softplus(tanh(x)) ** 2, larger(x, w), smaller(x, w),
    larger(w, x) * smaller(x**2, w), relu(x - w),
    greater(x, w) * x, at_least(w, x) * exp(x), unequal(x, w) * x**2, x * sign(w), Abs(x * w) ** Rational(3, 2),
    x * floor(w), x * ceil(3 * w) + floor(x + Rational(1, 3)), x**2 * rounded(2 * w),
]  # fmt: skip


def test_every_function_is_differentiated_here() -> None:
    tried = {f.func for body in SMOOTH for f in body.atoms(sympy.Function)}
    assert set(FUNCTIONS) - tried <= {step, equal, divides, activation_prime, whole}


@together("body", SMOOTH, ids=str)
def test_derivatives_are_slopes_also_at_zero(body: Expr) -> None:
    """Central differences of the oracle; w is never 0, so that x = 0 is no kink unless the function has one there."""
    rng, options, width = np.random.default_rng(2), {p: 2.5}, 1e-5
    points = np.concatenate([[0.0], rng.normal(size=19)])
    given = {"x": points, "w": np.where(np.arange(20) % 2, 1.0, -1.0) * rng.uniform(0.3, 2, size=20)}
    up, down = (value(body, {**given, "x": points + h}, options) for h in (width, -width))
    np.testing.assert_allclose(slopes(body, given, options=options), (up - down) / (2 * width), rtol=1e-6, atol=2e-7)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (softplus(x), 0.5),
        (Abs(x), 0),
        (relu(x), 0),
        (larger(x, 0), 1),
        (larger(0, x), 0),
        (smaller(x, 0), 1),
        (smaller(0, x), 0),
        (larger(x, 0) + expm1(smaller(0, x)), 1),
        (Abs(x) ** p, 0),
        (x**2 * sign(x), 0),
        (x**p, 0),
    ],
    ids=str,
)
def test_conventions_at_zero(body: Expr, expected: float) -> None:
    assert slopes(body, {"x": np.zeros(1)}, options={p: 1.5}) == [expected]


@pytest.mark.parametrize("function", [larger, smaller])
def test_at_a_tie_one_argument_gets_all(function: Any) -> None:
    given = {"x": np.array([1.0, 1.0, 2.0]), "w": np.array([1.0, 2.0, 1.0])}
    first, second = slopes(function(x, w), given, x), slopes(function(x, w), given, w)
    np.testing.assert_array_equal(first + second, 1)
    assert first[0] == 1
    assert first[1] == (function is smaller)


def test_an_exponent_has_a_slope_also_where_the_base_is_zero() -> None:
    given = {"x": np.array([0.0, 0.5, 2.0]), "w": np.array([1.5, 0.5, -1.0])}
    expected = [0, 0.5**0.5 * math.log(0.5), 2**-1 * math.log(2)]
    np.testing.assert_allclose(slopes(x**w, given, w), expected)
    assert slopes(x**w, {"x": np.zeros(1), "w": np.zeros(1)}, x) == [0]


def test_second_derivatives_know_no_distribution() -> None:
    for body in (Abs(x) ** 3, Abs(x) ** p, sqrt(1 + Abs(x)), larger(x, w) ** 2, x * sign(x), Abs(log(2 + Abs(x)))):
        second = derivative(derivative(body, x), x)
        alien = (sympy.DiracDelta, sympy.Max, sympy.Min, sympy.Piecewise, sympy.Heaviside, sympy.re, sympy.im)
        assert not second.has(*alien, sympy.Derivative, sympy.Subs), second
        assert not second.has(Dummy)
        assert {f.func for f in second.atoms(sympy.Function)} <= set(FUNCTIONS)


def test_the_derivative_of_a_power_is_written_as_in_a_textbook() -> None:
    assert derivative(Abs(x) ** p, x) == p * Abs(x) ** (p - 1) * sign(x)
    assert derivative(sqrt(x), x) == 1 / (2 * sqrt(x))
    assert derivative(x**p, x) == p * x ** (p - 1)
    assert derivative(log(Abs(x)), x) == sign(x) / Abs(x)


def test_softplus_is_not_differentiated_by_its_value() -> None:
    """1 - exp(-y) would be 0 where sigmoid(x) is 1e-20."""
    shape = (N,)
    body = Statement(Tensor("y", shape), Term((Range(n, N),), (), softplus(x)))
    gradient = differentiate(check(Program((Tensor("x", shape),), (body,), ("y",), ())))
    values = {"x": np.array([-46.0, 0.0]), "dy": np.ones(2)}
    values["y"] = interpret(gradient.forward, values, {N: 2})["y"]
    found = interpret(gradient.program, values, {N: 2})["dx"]
    np.testing.assert_allclose(found, [1 / (1 + math.exp(46)), 0.5], rtol=1e-14)


# ----- in a layer -----------------------------------------------------------------------------------------------------
def layer(body: Expr, *options: Option) -> Layer:
    """y[n] = the sum of `body` over m; x and w have the axes n, m."""
    bases = [IndexedBase(name, shape=(N, M), real=True) for name in ("x", "w")]
    given = [b for b in bases if body.has(b)]
    equation = Eq(IndexedBase("y", shape=(N,))[rows], Sum(body, columns))
    return Layer("tried", "Tried", "sum", program(equation, inputs=given), options=options)


rows, columns = Idx("n", N), Idx("m", M)
X, W = (IndexedBase(name, shape=(N, M), real=True)[rows, columns] for name in ("x", "w"))
ALPHA = Option("alpha", (S,), Kind.NUMBER, default=1.5)
LAYERS = {
    "gelu": (X * (1 + erf(X / sqrt(2))) / 2,),
    "mish": (X * tanh(softplus(X)),),
    "elu": (larger(X, 0) + S * expm1(smaller(0, X)), ALPHA),
    "hard shrinkage": (greater(Abs(X), S) * X, ALPHA),
    "causal mask": (at_least(rows, columns) * exp(X - log1p(W**2)),),
    "brackets in brackets": (unequal(greater(X, W), at_least(X, 0)) * exp(greater(W, 0) * X),),
    "norm": (Abs(X - W) ** S, ALPHA),
}


@pytest.mark.parametrize("name", LAYERS)
def test_rows_and_kernels_of_layers(name: str) -> None:
    lines = list(verify_layer(layer(*LAYERS[name]), 6))
    assert len(lines) > 3
    assert not [line for line in lines if not line.passed]
