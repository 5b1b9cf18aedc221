"""The oracle itself against loops over every index, and its conventions: zeros outside, brackets, maxima, sizes."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from sympy import E, Eq, Expr, Idx, IndexedBase, Integer, Rational, Sum, exp, log, pi, tanh

from gradscribe.derive.ir.functions import equal, relu, sigmoid, step
from gradscribe.derive.ir.index import choose, exact, floordiv, integers, minimum
from gradscribe.derive.ir.interpret import complete_sizes, evaluate, interpret, number, shape_of
from gradscribe.derive.ir.interpret.recurrence import Recurrence, stages
from gradscribe.derive.ir.term import Access, Divisibility, Guard, Program, Range, Statement, Tensor, Term
from gradscribe.derive.layer.equations import Maximum, inside, program

Array = np.ndarray
N, M, s, p = integers("N M s p")
i, j, k = integers("i j k")
x, w = Tensor("x", (N,)), Tensor("w", (N, M))
SIZES = {N: 4, M: 3, s: 2, p: 1}
RNG = np.random.default_rng(0)
VALUES = {"x": RNG.normal(size=4), "w": RNG.normal(size=(4, 3))}


def element(name: str, *position: int) -> float:
    """An element, and 0 outside."""
    array = VALUES[name]
    inside_all = all(0 <= at < extent for at, extent in zip(position, array.shape, strict=True))
    return float(array[position]) if inside_all else 0.0


def value(term: Term) -> Array:
    return evaluate(term, VALUES, SIZES)[0]


def free(*pairs: tuple[Any, Any]) -> tuple[Range, ...]:
    return tuple(Range(index, extent) for index, extent in pairs)


# ----- sums -----------------------------------------------------------------------------------------------------------
def test_a_sum_with_every_kind_of_bracket() -> None:
    term = Term(
        free((i, N), (j, Integer(2))),
        free((k, M)),
        x(s * i + k - p) * w(i, 2 - k) + k,
        deltas=(i - j - k,),
        guards=(Guard(i + k - 1, N - 1),),
        divisibilities=(Divisibility(i + k, Integer(2)),),
    )
    expected = np.zeros((4, 2))
    for a, b, c in product(range(4), range(2), range(3)):
        if a - b - c == 0 and 0 <= a + c - 1 < 3 and (a + c) % 2 == 0:
            expected[a, b] += element("x", 2 * a + c - 1) * element("w", a, 2 - c) + c
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(value(term), expected, rtol=1e-14)


def test_diagonal_and_skew_reads() -> None:
    term = Term(free((i, N)), free((j, M)), w(i, i) * w(i + j, i - j + p))
    expected = [sum(element("w", a, a) * element("w", a + b, a - b + 1) for b in range(3)) for a in range(4)]
    np.testing.assert_allclose(value(term), expected)


def test_a_false_bracket_wins_over_infinity_and_nan() -> None:
    body = 1 / x(i - 4) + log(x(i - 4) - 1)
    assert not np.isfinite(value(Term(free((i, N)), (), body))).any()
    np.testing.assert_array_equal(value(Term(free((i, N)), (), body, guards=(Guard(i + 4, N),))), 0)
    np.testing.assert_array_equal(value(Term(free((i, N)), (), body * step(Integer(-1) * x(i) ** 2))), 0)
    np.testing.assert_array_equal(value(Term(free((i, N)), (), body * equal(i, Integer(9)))), 0)
    np.testing.assert_array_equal(value(Term(free((i, N)), (), body * equal(i, Integer(9)) ** 2)), 0)


@pytest.mark.parametrize("extents", [(0, 3), (3, 0), (0, 0), (1, 1)])
def test_empty_ranges(extents: tuple[int, int]) -> None:
    a, b = extents
    term = Term(free((i, N)), free((j, M)), Integer(1) + 0 * x(i))
    np.testing.assert_array_equal(evaluate(term, VALUES, {N: a, M: b})[0], np.full(a, float(b)))


def test_reading_an_empty_tensor_gives_zero() -> None:
    found = evaluate(Term(free((i, N)), (), x(i) + 1), {"x": np.zeros(0)}, SIZES)[0]
    np.testing.assert_array_equal(found, np.ones(4))


def test_a_scalar_result() -> None:
    found = value(Term((), free((i, N)), x(i)))
    assert found.shape == ()
    np.testing.assert_allclose(found, VALUES["x"].sum())


def test_a_sum_over_nothing_of_a_scalar_tensor() -> None:
    assert evaluate(Term((), (), 2 * Access("a")), {"a": np.array(1.5)}, {})[0] == 3.0


# ----- scalar functions -----------------------------------------------------------------------------------------------
SCALARS = {
    "product": (x(i) * w(i, 0), lambda a, b, n: a * b),
    "numbers": (Rational(3, 4) * x(i) - 2, lambda a, b, n: 0.75 * a - 2),
    "constants": (pi * x(i) + E, lambda a, b, n: np.pi * a + np.e),
    "square": (x(i) ** 2, lambda a, b, n: a**2),
    "reciprocal": (1 / x(i) ** 3, lambda a, b, n: a**-3.0),
    "root": ((1 + x(i) ** 2) ** Rational(-1, 2), lambda a, b, n: 1 / np.sqrt(1 + a * a)),
    "power of an index": (x(i) ** i, lambda a, b, n: a**n),
    "index as exponent": (Rational(1, 2) ** i * x(i), lambda a, b, n: a * 0.5**n),
    "index as value": (i * x(i), lambda a, b, n: n * a),
    "exp": (exp(x(i)), lambda a, b, n: np.exp(a)),
    "tanh": (tanh(x(i)), lambda a, b, n: np.tanh(a)),
    "relu": (relu(x(i)), lambda a, b, n: a if a > 0 else 0.0),
    "step": (step(x(i)), lambda a, b, n: float(a > 0)),
    "sigmoid": (sigmoid(x(i)), lambda a, b, n: 1 / (1 + np.exp(-a))),
    "equal": (equal(i, Integer(2)) * x(i), lambda a, b, n: a * (n == 2)),
}


@pytest.mark.parametrize(("body", "expected"), SCALARS.values(), ids=SCALARS)
def test_scalar_functions(body: Expr, expected: Any) -> None:
    wanted = [expected(VALUES["x"][n], VALUES["w"][n, 0], n) for n in range(4)]
    np.testing.assert_allclose(value(Term(free((i, N)), (), body)), wanted, rtol=1e-14)


def test_extreme_arguments_of_sigmoid_and_relu() -> None:
    given = {"x": np.array([1000.0, -1000.0, 0.0, np.nan])}
    np.testing.assert_array_equal(evaluate(Term(free((i, N)), (), sigmoid(x(i))), given, SIZES)[0], [1, 0, 0.5, np.nan])
    np.testing.assert_array_equal(evaluate(Term(free((i, N)), (), relu(x(i))), given, SIZES)[0], [1000, 0, 0, np.nan])


# ----- maxima ---------------------------------------------------------------------------------------------------------
def maximum(rows: list[list[float]], guard: Guard | None = None) -> tuple[Array, Array]:
    array = np.array(rows)
    term = Term(free((i, N)), free((j, M)), w(i, j), guards=(guard,) if guard else (), op="max")
    return evaluate(term, {"w": array}, {N: array.shape[0], M: array.shape[1]})


def test_a_maximum_and_where_it_is_first() -> None:
    best, where = maximum([[1, 5, 5], [-3, -2, -2], [0, 0, 0]])
    np.testing.assert_array_equal(best, [5, -2, 0])
    np.testing.assert_array_equal(where, [1, 1, 0])


def test_a_maximum_under_a_guard() -> None:
    best, where = maximum([[9, 5, 7], [9, -4, -3], [9, 9, 1]], Guard(j - 1, Integer(2)))
    np.testing.assert_array_equal(best, [7, -3, 9])
    np.testing.assert_array_equal(where, [2, 2, 1])


def test_nan_is_the_maximum() -> None:
    best, where = maximum([[1, np.nan, np.nan], [np.inf, np.nan, 0]])
    np.testing.assert_array_equal(best, [np.nan, np.nan])
    np.testing.assert_array_equal(where, [1, 1])


def test_minus_infinity_is_a_position_but_an_excluded_one_is_none() -> None:
    low = -np.inf
    best, where = maximum([[low, low, low], [1, 1, 1]], Guard(j + 2 - 3 * i, Integer(4)))
    np.testing.assert_array_equal(best, [low, 1])
    np.testing.assert_array_equal(where, [0, 1])
    best, where = maximum([[3, 4, 5]], Guard(j + 9, Integer(4)))
    np.testing.assert_array_equal(best, [low])
    np.testing.assert_array_equal(where, [-1])


def test_a_minimum_is_the_maximum_of_the_negative_at_the_same_position() -> None:
    rows: list[list[float]] = [
        [1, 5, 5],
        [-3, -3, -2],
        [np.nan, 0, np.nan],
        [-np.inf, 7, np.inf],
        [np.inf, np.inf, np.inf],
        [2, 1, 0],
    ]
    array = np.array(rows)
    for guard in (None, Guard(j - 1, Integer(2)), Guard(j + i - 2, Integer(3))):
        term = Term(free((i, N)), free((j, M)), w(i, j), guards=(guard,) if guard else (), op="min")
        least, where = evaluate(term, {"w": array}, {N: 6, M: 3})
        best, expected = maximum([[-v for v in row] for row in rows], guard)
        np.testing.assert_array_equal(least, -best)
        np.testing.assert_array_equal(where, expected)
    assert where[5] == -1  # the last guard leaves nothing of the last row
    assert least[5] == np.inf
    term = Term(free((i, N)), free((j, M)), w(i, j), op="min")
    least, where = evaluate(term, {"w": np.zeros((4, 0))}, {N: 4, M: 0})
    np.testing.assert_array_equal(least, np.full(4, np.inf))
    np.testing.assert_array_equal(where, np.full(4, -1))


def test_a_maximum_over_nothing() -> None:
    term = Term(free((i, N)), free((j, M)), w(i, j), op="max")
    best, where = evaluate(term, {"w": np.zeros((4, 0))}, {N: 4, M: 0})
    np.testing.assert_array_equal(best, np.full(4, -np.inf))
    np.testing.assert_array_equal(where, np.full(4, -1))


def test_positions_are_row_major_over_all_bound_indices() -> None:
    term = Term((), free((i, N), (j, M)), w(i, j), op="max")
    best, where = evaluate(term, VALUES, SIZES)
    assert best == VALUES["w"].max()
    assert where == VALUES["w"].argmax()


# ----- programs -------------------------------------------------------------------------------------------------------
def test_statements_of_one_target_add_up_and_lets_are_seen() -> None:
    a, b = IndexedBase("x", shape=(N,), real=True), IndexedBase("w", shape=(N, M), real=True)
    u, y = IndexedBase("u", shape=(N,), real=True), IndexedBase("y", shape=(N,), real=True)
    n, m = Idx("n", N), Idx("m", M)
    source = program(Eq(u[n], Sum(b[n, m], m)), Eq(y[n], u[n] * a[n]), Eq(y[n], y[n] + 2 * a[n]), inputs=(a, b))
    found = interpret(source, VALUES, SIZES)
    np.testing.assert_allclose(found["y"], (VALUES["w"].sum(1) + 2) * VALUES["x"])
    assert set(found) == {"x", "w", "u", "y"}


def test_a_window_with_derived_extent() -> None:
    a, y = IndexedBase("x", shape=(N,), real=True), IndexedBase("y", shape=(M,), real=True)
    m, r = Idx("m", M), Idx("r", s)
    position = s * m + r - p
    source = program(
        Eq(y[m], Maximum(inside(position, N) * a[position], r)),
        inputs=(a,),
        sizes={M: floordiv(N + 2 * p - s, s) + 1},
    )
    array = np.array([-4.0, -3.0, -2.0, -1.0])
    found = interpret(source, {"x": array}, {N: 4, s: 2, p: 1})
    np.testing.assert_array_equal(found["y"], [-4, -2, -1])
    np.testing.assert_array_equal(found["arg_y"], [1, 1, 0])


def test_an_absent_optional_input_counts_as_zero() -> None:
    a, b = IndexedBase("x", shape=(N,)), IndexedBase("b", shape=(N,))
    y, n = IndexedBase("y", shape=(N,)), Idx("n", N)
    source = program(Eq(y[n], a[n] + b[n]), inputs=(a, b), optional="b")
    np.testing.assert_array_equal(interpret(source, {"x": VALUES["x"]}, SIZES)["y"], VALUES["x"])
    source = program(Eq(y[n], a[n] * b[n]), inputs=(a, b), factors="b")
    np.testing.assert_array_equal(interpret(source, {"x": VALUES["x"]}, SIZES)["y"], VALUES["x"])


def test_inputs_are_left_alone() -> None:
    a, y, n = IndexedBase("x", shape=(N,)), IndexedBase("y", shape=(N,)), Idx("n", N)
    array = VALUES["x"].copy()
    array.flags.writeable = False
    found = interpret(program(Eq(y[n], a[n]), Eq(y[n], y[n] + a[n]), inputs=(a,)), {"x": array}, SIZES)
    np.testing.assert_array_equal(found["y"], 2 * array)


def test_missing_inputs_and_sizes_are_key_errors() -> None:
    a, y, n = IndexedBase("x", shape=(N,)), IndexedBase("y", shape=(N,)), Idx("n", N)
    source = program(Eq(y[n], a[n]), inputs=(a,))
    with pytest.raises(KeyError):
        interpret(source, {}, SIZES)
    with pytest.raises(KeyError):
        interpret(source, VALUES, {})


def test_sizes() -> None:
    half, more = integers("half more")
    source = program(
        Eq(IndexedBase("y", shape=(more,))[Idx("n", more)], 1),
        inputs=(),
        sizes={half: floordiv(N, 2), more: choose(p, minimum(half, s), exact(N, s)) + 1},
    )
    known = complete_sizes(source, {N: 7, s: 2, p: 1})
    assert (known[half], known[more]) == (3, 3)
    assert complete_sizes(source, {N: 8, s: 2, p: 0})[more] == 5
    assert shape_of((N + 1, 2 * s), SIZES) == (5, 4)
    assert number(N * s - p, SIZES) == 7


def test_a_tensor_that_reads_itself_first_goes_along_the_axis_of_the_others() -> None:
    """The batch is an axis along which it stays where it is; the others say that the time is meant."""
    n, t, T = *integers("n t"), integers("T")[0]
    h, c, o = (Tensor(name, (N, T)) for name in "hco")
    free = (Range(n, N), Range(t, T))
    bodies = ((h, o(n, t - 1) + Access("y", n, t)), (c, c(n, t - 1) / 2), (c, h(n, t)), (o, c(n, t)))
    statements = tuple(Statement(target, Term(free, (), body)) for target, body in bodies)
    (found,) = stages(Program((Tensor("y", (N, T)),), statements, ("o",), ()))
    assert isinstance(found, Recurrence)
    assert (found.axes, found.step) == ({"h": 1, "c": 1, "o": 1}, 1)
