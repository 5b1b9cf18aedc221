"""Reverse mode against finite differences: every layer, every rule, and the conventions at kinks."""

from functools import cache

import numpy as np
import pytest
from sympy import (
    Abs,
    Eq,
    Expr,
    Idx,
    IndexedBase,
    Integer,
    Rational,
    Sum,
    Symbol,
    acos,
    acosh,
    asin,
    atanh,
    cos,
    exp,
    log,
    sin,
    sqrt,
    tan,
    tanh,
)
from sympy.codegen.cfunctions import log1p

from gradscribe.derive.calculus.differentiate import Gradient, differentiate
from gradscribe.derive.ir.functions import (
    FUNCTIONS,
    activation,
    activation_prime,
    equal,
    relu,
    sigmoid,
    step,
    unequal,
    whole,
)
from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.interpret import complete_sizes, interpret, shape_of
from gradscribe.derive.ir.term import EquationError, Program, Range, Statement, accesses, position
from gradscribe.derive.layer.equations import Maximum, inside, program
from tests.cases.catalogue import TRIED
from tests.cases.finite_differences import Tally, compare_slopes, weighted_sum
from tests.cases.layers import random_values, sampled_case, sizes_of
from tests.cases.random_programs import Array
from tests.cases.simplified import simplified_program, with_gradient
from tests.cases.thorough import some
from tests.cases.together import together

N, M, P = integers("N M P")
n, m = Idx("n", N), Idx("m", M)
SIZES = {N: 4, M: 3}


@cache
def reverse(source: Program) -> tuple[Gradient, Program]:
    """The gradient, and its program as it is computed."""
    gradient = differentiate(source)
    return gradient, simplified_program(gradient.program)


def check_gradient(
    source: Program, values: dict[str, Array], sizes: dict[Symbol, int], seed: int = 0, dense: int = 2, single: int = 4
) -> Tally:
    """Compare the gradient of every differentiable input with finite differences."""
    rng = np.random.default_rng(seed)
    gradient, backward = reverse(source)
    known = complete_sizes(source, sizes)
    tensors = source.tensors
    seeds = {o: rng.normal(size=shape_of(tensors[o].shape, known)) for o in gradient.seeds}
    given = {**interpret(gradient.forward, values, sizes), **{gradient.seeds[o].name: s for o, s in seeds.items()}}
    found = interpret(backward, given, sizes)
    slopes = {}
    for tensor in source.inputs:
        if tensor.integer or tensor.constant or tensor.name not in values:
            continue
        adjoint = gradient.adjoint(tensor.name)
        slopes[tensor.name] = found[adjoint.gradient.name] if adjoint else np.zeros_like(values[tensor.name])
    return compare_slopes(weighted_sum(source, seeds, sizes), values, slopes, rng, dense=dense, single=single)


# ----- the catalogue --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", TRIED)
def test_layers_agree_with_finite_differences(name: str) -> None:
    compared = 0
    for seed in range(3):
        rng = np.random.default_rng([seed, len(name)])
        case = sampled_case(name, rng, limit=2_000)
        compared += check_gradient(case.layer.program, random_values(case, rng), sizes_of(case)).compared
    assert compared > 5


@pytest.mark.parametrize("name", some(TRIED, 5))
def test_second_order_of_layers_agrees_with_finite_differences(name: str) -> None:
    rng = np.random.default_rng(len(name))
    case = sampled_case(name, rng, limit=500)
    gradient = differentiate(case.layer.program)
    given = {t.name: rng.normal(size=shape_of(t.shape, sizes_of(case))) for t in gradient.seeds.values()}
    values = {**random_values(case, rng), **given}
    both = with_gradient(gradient)
    assert check_gradient(both, values, sizes_of(case), dense=1, single=2).compared > 0


# ----- the rules ------------------------------------------------------------------------------------------------------
def bases(shapes: dict[str, tuple[Expr, ...]]) -> list[IndexedBase]:
    return [IndexedBase(name, shape=shape, real=True) for name, shape in shapes.items()]


x, w, y, u = bases({"x": (N,), "w": (N,), "y": (N,), "u": (N,)})
RULES = {
    "a constant has no gradient": Eq(y[n], 2 + 0 * x[n]),
    "linear": Eq(y[n], 3 * x[n] - w[n]),
    "product rule": Eq(y[n], x[n] * w[n]),
    "the same access twice": Eq(y[n], x[n] * x[n]),
    "two accesses of one tensor": Eq(y[n], x[n] * x[n - 1]),
    "quotient": Eq(y[n], x[n] / (2 + w[n] ** 2)),
    "chain rule": Eq(y[n], tanh(x[n] * w[n])),
    "nested functions": Eq(y[n], exp(sin(x[n]) * cos(w[n]))),
    "powers": Eq(y[n], sqrt(2 + x[n] ** 2) + (3 + x[n] ** 2) ** Rational(-3, 2)),
    "an index as a number": Eq(y[n], n * x[n] + tanh(n + x[n])),
    "an affine function of f": Eq(y[n], Rational(17, 10) * tanh(2 * x[n] / 3) + 1),
}


@pytest.mark.parametrize("equation", RULES.values(), ids=RULES)
def test_rules_of_calculus(equation: Eq) -> None:
    rng = np.random.default_rng(3)
    source = program(equation, inputs=(x, w))
    check_gradient(source, {"x": rng.normal(size=4), "w": rng.normal(size=4)}, SIZES)


SMOOTH = [f for f, row in FUNCTIONS.items() if f not in (activation_prime, equal, whole)]


@together("function", SMOOTH, ids=lambda f: f.__name__)
def test_every_scalar_function(function: type[Expr]) -> None:
    argument = 3 + x[n] ** 2 if function in (log, log1p, acosh) else 2 * x[n]
    argument = tanh(x[n]) / 2 if function in (tan, asin, acos, atanh) else argument
    arguments = (argument,) if 1 in function.nargs else (argument, x[n - 1])
    rng = np.random.default_rng(4)
    source = program(Eq(y[n], w[n] * function(*arguments)), inputs=(x, w))
    if function is activation:
        return  # its derivative is a function of its own, checked below
    tally = check_gradient(source, {"x": rng.normal(size=4), "w": rng.normal(size=4)}, SIZES)
    assert tally.compared >= 10


def test_the_open_activation_has_an_open_derivative() -> None:
    gradient = differentiate(program(Eq(y[n], activation(x[n])), inputs=(x,)))
    assert gradient.program.statements[0].term.body.has(activation_prime)
    rng = np.random.default_rng(5)
    check_gradient(program(Eq(y[n], activation(x[n])), inputs=(x,)), {"x": rng.normal(size=4)}, SIZES)


@pytest.mark.parametrize("function", [Abs, relu, sigmoid, tanh, exp, sin], ids=lambda f: f.__name__)
def test_second_derivatives_of_functions(function: type[Expr]) -> None:
    rng = np.random.default_rng(6)
    both = with_gradient(differentiate(program(Eq(y[n], function(x[n]) * x[n]), inputs=(x,))))
    check_gradient(both, {"x": rng.normal(size=4), "dy": rng.normal(size=4)}, SIZES)


def test_several_outputs_and_an_output_that_is_read_again() -> None:
    source = program(Eq(u[n], x[n] * w[n]), Eq(y[n], tanh(u[n])), inputs=(x, w), outputs=(u, y))
    rng = np.random.default_rng(7)
    gradient = differentiate(source)
    assert {o: t.name for o, t in gradient.seeds.items()} == {"u": "du", "y": "dy"}
    check_gradient(source, {"x": rng.normal(size=4), "w": rng.normal(size=4)}, SIZES)


def test_accumulating_statements() -> None:
    source = program(Eq(y[n], x[n] ** 2), Eq(y[n], y[n] + Sum(x[m] * w[n], m)), inputs=(x, w))
    rng = np.random.default_rng(8)
    check_gradient(source, {"x": rng.normal(size=4), "w": rng.normal(size=4)}, SIZES)


def test_nothing_flows_through_constants_and_integers() -> None:
    t = IndexedBase("t", shape=(N,))
    source = program(
        Eq(u[n], x[n] ** 2),
        Eq(y[n], u[n] * x[n] * equal(t[n], 1) + t[n] * w[n]),
        inputs=(x, w, t),
        integers="t",
        constants="u",
    )
    gradient = differentiate(source)
    assert [a.tensor.name for a in gradient.adjoints] == ["x", "w"]
    values = {"x": np.array([1.0, 2.0, 3.0, 4.0]), "w": np.ones(4), "t": np.array([0, 1, 1, 2])}
    found = interpret(gradient.program, {**interpret(source, values, SIZES), "dy": np.ones(4)}, SIZES)
    np.testing.assert_allclose(found["dx"], [0, 4, 9, 0])
    np.testing.assert_allclose(found["dw"], [0, 1, 1, 2])


def test_wrt_selects_and_rejects() -> None:
    source = program(Eq(y[n], x[n] * w[n]), inputs=(x, w))
    assert differentiate(source, wrt=["w"]).program.outputs == ("dw",)
    assert differentiate(source, wrt=["w"]).adjoint("x") is None
    with pytest.raises(EquationError, match="cannot differentiate with respect to z; expected one of x, w"):
        differentiate(source, wrt=["z"])


def test_seed_names() -> None:
    source = program(Eq(y[n], x[n] * w[n]), inputs=(x, w))
    assert differentiate(source, seeds={"y": "delta"}).seeds["y"].name == "delta"


def test_an_unused_input_has_no_statement() -> None:
    gradient = differentiate(program(Eq(y[n], x[n]), inputs=(x, w)))
    assert gradient.program.outputs == ("dx",)
    assert gradient.adjoint("w") is None


def test_gradient_names_avoid_names_in_use() -> None:
    dx = IndexedBase("dx", shape=(N,))
    gradient = differentiate(program(Eq(y[n], x[n] * dx[n]), inputs=(x, dx)))
    names = [a.gradient.name for a in gradient.adjoints]
    assert len({*names, "x", "dx", "y", "dy"}) == 6


# ----- by value -------------------------------------------------------------------------------------------------------
BY_VALUE = {
    "tanh": tanh(x[n]),
    "scaled tanh": Rational(17, 10) * tanh(2 * x[n] / 3),
    "shifted sigmoid": 3 - 2 * sigmoid(x[n] * w[n]),
    "exp": exp(x[n] - w[n]),
    "within a bracket": unequal(n, Integer(1)) * sigmoid(x[n] * w[n]),
    "relu": 2 * relu(x[n]),
    "negative relu": -2 * relu(x[n]),
}
QUOTIENTS = {"quotient": w[n] / x[n], "of squares": w[n] ** 2 / x[n] ** 2, "root": (w[n] + 1) / sqrt(x[n])}


@pytest.mark.parametrize("body", BY_VALUE.values(), ids=BY_VALUE)
def test_slopes_by_value_equal_plain_slopes(body: Expr) -> None:
    source = program(Eq(y[n], body), inputs=(x, w))
    gradient = differentiate(source)
    rng = np.random.default_rng(9)
    given = interpret(source, {"x": rng.normal(size=4), "w": rng.normal(size=4)}, SIZES) | {"dy": rng.normal(size=4)}
    contributions = [(a, c) for a in gradient.adjoints for c in a.contributions]
    assert all((c.by_value is None) == (body == BY_VALUE["negative relu"]) for _, c in contributions)
    for adjoint, contribution in contributions:
        pair = [
            interpret(
                Program(gradient.program.inputs, (Statement(adjoint.gradient, term),), (adjoint.gradient.name,)),
                given,
                SIZES,
            )[adjoint.gradient.name]
            for term in (contribution.term, contribution.computed)
        ]
        np.testing.assert_allclose(pair[0], pair[1], rtol=1e-12)


@pytest.mark.parametrize("body", QUOTIENTS.values(), ids=QUOTIENTS)
def test_the_slope_by_a_divisor_is_written_with_the_quotient(body: Expr) -> None:
    source = program(Eq(y[n], body), inputs=(x, w))
    (divisor,) = (c for a in differentiate(source, ["x"]).adjoints for c in a.contributions)
    assert divisor.by_value is not None
    assert {a.tensor for a in accesses(divisor.by_value.body)} == {"dy", "y", "x"}
    rng = np.random.default_rng(0)
    values = {"x": rng.uniform(1, 2, size=4), "w": rng.normal(size=4)}
    assert check_gradient(source, values, SIZES).compared > 0


def test_no_slope_by_value_where_the_result_has_other_parts() -> None:
    accumulated = program(Eq(y[n], tanh(x[n])), Eq(y[n], y[n] + w[n]), inputs=(x, w))
    product = program(Eq(y[n], tanh(x[n]) * w[n]), inputs=(x, w))
    summed = program(Eq(y[n], Sum(tanh(x[n + m]), m)), inputs=(x,))
    of_an_index = program(Eq(y[n], n * tanh(x[n])), inputs=(x,))  # y/n is 0/0 at the first
    for source in (accumulated, product, summed, of_an_index):
        contributions = [c for a in differentiate(source).adjoints for c in a.contributions]
        assert all(c.by_value is None for c in contributions)


# ----- maxima ---------------------------------------------------------------------------------------------------------
pooled = IndexedBase("y", shape=(M,))


def max_gradient(array: list[float], window: Expr) -> Array:
    source = program(Eq(pooled[m], Maximum(window, n)), inputs=(x,))
    gradient = differentiate(source)
    values = interpret(source, {"x": np.array(array)}, SIZES) | {"dy": np.array([1.0, 10.0, 100.0])}
    return interpret(gradient.program, values, SIZES)["dx"]


def test_a_tie_goes_to_the_first_position() -> None:
    np.testing.assert_array_equal(max_gradient([5, 7, 7, 1], x[n]), [0, 111, 0, 0])


def test_nan_takes_the_gradient() -> None:
    np.testing.assert_array_equal(max_gradient([5, 7, np.nan, np.nan], x[n]), [0, 0, 111, 0])


def test_an_empty_window_has_no_gradient() -> None:
    # only m = 0 sees anything: positions n + 4*m
    window = inside(n + 4 * m, N) * x[n + 4 * m]
    np.testing.assert_array_equal(max_gradient([5, 7, 9, 1], window), [0, 0, 1, 0])


def test_minus_infinity_counts_as_found() -> None:
    np.testing.assert_array_equal(max_gradient([-np.inf] * 4, x[n]), [111, 0, 0, 0])


def test_padding_without_guard_reads_zero_and_may_win() -> None:
    # x is negative everywhere: the 0 outside is the maximum and takes the gradient with it
    np.testing.assert_array_equal(max_gradient([-5, -7, -9, -1], x[n + m]), [0, 0, 0, 1])


def test_a_constant_maximum_is_no_obstacle_and_a_hidden_one_is_refused() -> None:
    source = program(Eq(pooled[m], Maximum(x[n], n)), inputs=(x,))
    nameless = tuple(Statement(s.target, s.term, None) for s in source.statements)
    with pytest.raises(EquationError, match="y is a maximum without a recorded argument"):
        differentiate(Program(source.inputs, nameless, source.outputs))


def test_position_is_row_major() -> None:
    a, b, c = integers("a b c")
    ranges = (Range(a, Integer(2)), Range(b, M), Range(c, N))
    assert position(ranges) - (a * M * N + b * N + c) == 0
    assert position(()) == 0


def test_step_of_relu_at_zero_is_zero() -> None:
    source = program(Eq(y[n], relu(x[n])), inputs=(x,))
    for statement in (
        differentiate(source).adjoints[0].contributions[0].term,
        differentiate(source).program.statements[0].term,
    ):
        assert statement.body.has(step)
    values = interpret(source, {"x": np.array([-1.0, 0.0, 2.0, -0.0])}, SIZES) | {"dy": np.ones(4)}
    np.testing.assert_array_equal(interpret(differentiate(source).program, values, SIZES)["dx"], [0, 0, 1, 0])
