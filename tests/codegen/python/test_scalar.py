"""codegen/python/scalars/scalar.py: what is printed, read by Python again, has the value that SymPy gives it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy
from sympy import (
    Abs,
    Expr,
    Float,
    Integer,
    Pow,
    Rational,
    Symbol,
    atan,
    cos,
    cosh,
    erf,
    exp,
    log,
    sin,
    sinh,
    sqrt,
    tanh,
)
from sympy.codegen.cfunctions import expm1, log1p

from gradscribe.codegen.numpy.print.numpy_table import WORDS
from gradscribe.codegen.python.expression import Binary, Expression, Literal, Name, negated
from gradscribe.codegen.python.scalars.array_printer import ArrayPrinter
from gradscribe.codegen.python.scalars.scalar import size, size_text
from gradscribe.codegen.python.text.printer import text
from gradscribe.derive.ir.functions import (
    at_least,
    equal,
    greater,
    larger,
    relu,
    sigmoid,
    smaller,
    softplus,
    step,
    unequal,
)
from gradscribe.derive.ir.index import at_least_one, choose, exact, floordiv, integer, integers, minimum, mod
from gradscribe.derive.ir.term import Access, EquationError
from gradscribe.generated import runtime as rt
from tests.cases.thorough import draws
from tests.cases.together import together

Array = np.ndarray
a, b, c, d = integers("a b c d")
CONTEXTS: tuple[tuple[Callable[[Expression], Expression], int], ...] = (
    (lambda e: e, 1),
    (lambda e: Binary("*", e, Literal(1)), 1),
    (lambda e: Binary("*", Literal(1), e), 1),
    (negated, -1),
    (lambda e: Binary("**", e, Literal(1)), 1),
)
"""What an expression stands in, and the factor that its value gets there."""


# ----- sizes ----------------------------------------------------------------------------------------------------------
def random_size(depth: int, rng: np.random.Generator) -> Expr:
    """An integer expression; what it divides by is positive."""
    if depth == 0:
        return (a, b, c, d, Integer(int(rng.integers(-4, 5))))[rng.integers(5)]
    one, other = (random_size(int(rng.integers(depth)), rng) for _ in range(2))
    divisor = (b, c, Integer(3), b * c, b + 1)[rng.integers(5)]
    match int(rng.integers(10)):
        case 0 | 1:
            return one + other
        case 2:
            return one - other
        case 3 | 4:
            return one * other
        case 5:
            return floordiv(one, divisor)
        case 6:
            return mod(one, divisor)
        case 7:
            return minimum(one, other)
        case 8:
            return choose((d, Integer(1))[rng.integers(2)], one, other)
        case _:
            return (exact(one * b, b), Pow(one, 2))[rng.integers(2)]


def size_value(e: Expr, sizes: dict[Symbol, int]) -> int:
    """SymPy's value; `exact` stays as written even for numbers, so it becomes the division that it stands for."""
    numbers = e.xreplace({s: Integer(v) for s, v in sizes.items()})
    return int(numbers.replace(exact, lambda p, q: p / q))


def size_samples() -> list[dict[Symbol, int]]:
    rng = np.random.default_rng(5)
    rows = [(int(rng.integers(0, 9)), *(int(v) for v in rng.integers(1, 6, size=2))) for _ in range(6)]
    return [{a: x, b: y, c: z, d: n % 2} for n, (x, y, z) in enumerate(rows)]


@together("seed", range(draws(33, 150)))
def test_size_text_has_the_value_of_the_expression(seed: int) -> None:
    e = random_size(4, np.random.default_rng(seed))
    for sizes in size_samples():
        names = {s.name: v for s, v in sizes.items()}
        expected = size_value(e, sizes)
        for context, factor in CONTEXTS:
            shown = text(context(size(e)))
            assert eval(shown, names) == factor * expected, f"{e} as {shown}"


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        (a + b * c, "a + b * c"),
        (a - 1, "a - 1"),
        (-a, "-a"),
        (b - a, "b - a"),
        (-a * b, "-a * b"),
        ((a + b) * c, "c * (a + b)"),
        (floordiv(a + b, c) + 1, "(a + b) // c + 1"),
        (floordiv(a * b, c), "a * b // c"),
        (-floordiv(a, b), "-(a // b)"),
        (-mod(a, b), "-(a % b)"),
        (2 * floordiv(a, b), "2 * (a // b)"),
        (floordiv(a, b * c), "a // (b * c)"),
        (floordiv(a, floordiv(b, c)), "a // (b // c)"),
        (mod(a * b, c), "a * b % c"),
        (minimum(a - 1, b), "min(a - 1, b)"),
        (choose(d, a, b + 1), "a if d else b + 1"),
        ((a + 1) ** 2, "(a + 1) ** 2"),
        (Integer(-3), "-3"),
    ],
    ids=str,
)
def test_size_text_reads_well(expression: Expr, shown: str) -> None:
    assert size_text(expression) == shown


@pytest.mark.parametrize("expression", [a / 2, a * (a + 1) / 2, a / b, 1 / a, sympy.pi, a + Rational(1, 2)], ids=str)
def test_size_text_refuses_what_is_no_integer(expression: Expr) -> None:
    with pytest.raises(EquationError, match=" is no integer; "):
        size_text(expression)


def test_a_size_takes_names_from_outside() -> None:
    assert text(size(a * b, lambda s: Name(f"{s.name}_"))) == "a_ * b_"


# ----- bodies ---------------------------------------------------------------------------------------------------------
n, i, N = integer("n"), integer("i"), integer("N")
S = Symbol("S", real=True)
X, W, T = Access("x", n), Access("w", n), Access("t", n)
MEANINGS = {
    sigmoid: lambda x: 1 / (1 + exp(-x)),
    softplus: lambda x: log(1 + exp(x)),
    log1p: lambda x: log(1 + x),
    relu: lambda x: sympy.Max(x, 0),
    larger: sympy.Max,
    smaller: sympy.Min,
}
RELATIONS = {
    step: lambda x: x > 0,
    equal: sympy.Eq,
    unequal: sympy.Ne,
    greater: sympy.Gt,
    at_least: sympy.Ge,
}
UNARY = (
    exp,
    tanh,
    sin,
    cos,
    sigmoid,
    relu,
    Abs,
    sympy.sign,
    atan,
    cosh,
    erf,
    expm1,
    sinh,
    softplus,
    sympy.tan,
    sympy.asinh,
)
VALUES: dict[str, Any] = {
    "x": np.array([-1.5, -0.5, 0.25, 2.0]),
    "w": np.array([0.5, -2.0, 1.25, 3.0]),
    "t": np.array([1, 0, 2, 1]),
    "s": np.float64(1.5),
}


def printer() -> ArrayPrinter:
    return ArrayPrinter(WORDS, lambda access: Name(access.tensor), lambda s, whole: Name(s.name), (n,))


def printed(e: Expr) -> str:
    """The text of `e`."""
    return text(printer().value(e))


def random_body(depth: int, rng: np.random.Generator) -> Expr:
    """A smooth or bracketed scalar without poles."""
    if depth == 0:
        number = Rational(int(rng.integers(-5, 6)), int(rng.integers(1, 4)))
        return (X, W, X, W, N, S, Access("s"), number, Float(-2.5))[rng.integers(9)]
    one, other = (random_body(int(rng.integers(depth)), rng) for _ in range(2))
    match int(rng.integers(10)):
        case 0 | 1:
            return one + other
        case 2:
            return one - other
        case 3 | 4:
            return one * other
        case 5:
            return one / (N, 1 + X**2, (1 + W**2) * N, exp(X))[rng.integers(4)]
        case 6:
            return one ** int(rng.integers(2, 4))
        case 7:
            return UNARY[rng.integers(len(UNARY))](tanh(one))
        case 8:
            base = 1 + tanh(one) ** 2
            return (sqrt(base), base**S, 1 / base ** Rational(3, 2), log1p(base), larger(one, other))[rng.integers(5)]
        case _:
            compared = (greater, at_least, unequal, smaller)[rng.integers(4)](one, other)
            return (step(one), equal(n, T), step(X) * equal(i, T), compared)[rng.integers(4)] * other


def numpy_value(e: Expr, dtype: Any = np.float64) -> Any:
    """What the text of `e` gives."""
    given = {k: v if k == "t" else np.asarray(v, dtype) for k, v in VALUES.items()}
    names = {"np": np, "rt": rt, "dtype": dtype, **given, "n": np.arange(4), "i": 1, "N": 3, "S": 0.75}
    return eval(printed(e), names)


def sympy_value(e: Expr, position: int) -> float:
    """What SymPy makes of `e` for one element; brackets as numbers."""
    numbers = {X: VALUES["x"][position], W: VALUES["w"][position], Access("s"): 1.5, S: 0.75}
    mapping = {k: Float(float(v), 30) for k, v in numbers.items()}
    mapping |= {T: Integer(int(VALUES["t"][position])), n: Integer(position), i: Integer(1), N: Integer(3)}
    plain = e.xreplace(mapping)
    for function, meaning in MEANINGS.items():
        plain = plain.replace(function, meaning)

    def bracket(e: Expr) -> Expr:
        return Integer(int(bool(RELATIONS[e.func](*(argument.evalf(30) for argument in e.args)))))

    return float(plain.replace(lambda e: e.func in RELATIONS, bracket).evalf(30))


@pytest.mark.parametrize("seed", range(draws(20, 120)))
def test_a_body_has_the_value_that_sympy_gives_it(seed: int) -> None:
    e = random_body(4, np.random.default_rng(seed))
    expected = np.array([sympy_value(e, k) for k in range(4)])
    found = np.broadcast_to(numpy_value(e), 4)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12, err_msg=f"{e} as {printed(e)}")


@together("seed", range(60))
def test_a_body_of_float32_arrays_is_float32(seed: int) -> None:
    e = random_body(3, np.random.default_rng([seed, 1])).xreplace({Access("s"): S})
    found = numpy_value(e + X, np.float32)
    assert found.dtype == np.float32, printed(e + X)


@pytest.mark.parametrize("context", range(len(CONTEXTS)))
def test_a_body_fits_where_it_is_put(context: int) -> None:
    put, sign = CONTEXTS[context]
    for e in (X - W, -X, X / W, X * W, -X / 2, Integer(-3) + 0 * X, X**3, 1 / X, Rational(1, 3), Float(-0.5)):
        shown = text(put(printer().value(e)))
        names = {"np": np, "rt": rt, "dtype": float, "N": 3, **VALUES}
        given = np.broadcast_to(eval(shown, names), 4)
        np.testing.assert_allclose(given, [sign * sympy_value(e, k) for k in range(4)], err_msg=shown)


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        (X * W, "w * x"),
        (X / N, "x / rt.divisor(N)"),
        (2 * X / 3, "2 * x / 3"),
        (-X, "-x"),
        (X - W, "x - w"),
        (X**2, "np.square(x)"),
        (sqrt(X), "np.sqrt(x)"),
        (1 / X, "1 / x"),
        (X / at_least_one(N), "x / max(N, 1)"),
        (X / (W * N), "x / (rt.divisor(N) * w)"),
        (1 - X**2, "1 - np.square(x)"),
        (step(X) * W, "np.where(x > 0, w, 0)"),
        (step(X) * equal(n, T) * W, "np.where((n == t) & (x > 0), w, 0)"),
        (Rational(1, 2) * X, "x / 2"),
        (S * tanh(S * X), "S * np.tanh(S * x)"),
    ],
    ids=str,
)
def test_a_body_reads_well(expression: Expr, shown: str) -> None:
    assert printed(expression) == shown


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_a_false_bracket_is_a_strong_zero(value: float) -> None:
    names = {"np": np, "dtype": float, "x": np.array([-1.0, 1.0]), "w": np.full(2, value), "t": np.array([1, 1])}
    names |= {"n": np.arange(2)}
    for e in (step(X) * W, step(X) * W * equal(n, T), 2 * W * step(X) / 3, exp(W) * step(X)):
        with np.errstate(all="ignore"):
            found = eval(printed(e), names)
        assert found[0] == 0, printed(e)


def test_scalars_do_not_turn_float32_into_float64() -> None:
    one = np.float32(1)
    names = {"np": np, "rt": rt, "dtype": np.float32, "S": 0.5, "N": 4, "x": np.ones(4, np.float32)}
    for e in (X * exp(S), X * log(S) / N, X + step(S), X * tanh(S / N), step(S) * X, X / N**2, X * (1 + S) ** 2):
        assert eval(printed(e), names).dtype == one.dtype, printed(e)


@pytest.mark.parametrize("expression", [1 / N, S / N, 2 / (3 * N), 1 / N**2, N ** Integer(-3)], ids=str)
def test_sizes_of_an_empty_batch_may_divide(expression: Expr) -> None:
    assert np.isnan(eval(printed(expression), {"rt": rt, "np": np, "N": 0, "S": 0.5, "dtype": float}))


@pytest.mark.parametrize("expression", [sympy.gamma(X), sympy.floor(X)], ids=str)
def test_a_body_refuses_what_it_does_not_know(expression: Expr) -> None:
    with pytest.raises(TypeError, match=r"^no scalar expression: "):
        printed(expression)
