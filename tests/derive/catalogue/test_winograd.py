"""Cook-Toom algorithms against the plain correlation: in symbols, in fractions and in floating point."""

import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Expr, Matrix, Rational

from gradscribe.derive.catalogue.winograd import CookToom, cook_toom, parse_points, prove, standard_points
from gradscribe.derive.catalogue.winograd.accuracy import measured_error, nested
from gradscribe.derive.catalogue.winograd.points import ERRORS
from gradscribe.derive.ir.term import EquationError
from gradscribe.generated.runtime.cook_toom.tables import COOK_TOOM
from tests.cases.thorough import draws
from tests.cases.together import together

Shape = tuple[int, int]
sides = st.integers(1, 6)
rationals = st.fractions(-4, 4, max_denominator=9).map(lambda q: Rational(q.numerator, q.denominator))


@st.composite
def algorithms(draw: st.DrawFn) -> CookToom:
    """F(m, r) at random points, infinity among them or not."""
    m, r = draw(sides), draw(sides)
    n = m + r - 1
    points: list[Expr] = draw(st.lists(rationals, min_size=n, max_size=n, unique=True))
    if draw(st.booleans()):
        points[draw(st.integers(0, n - 1))] = sympy.oo
    return cook_toom(m, r, points)


def fractions(matrix: Matrix) -> list[list[Fraction]]:
    return [[Fraction(int(v.p), int(v.q)) for v in row] for row in matrix.tolist()]


def applied(matrix: Matrix, vector: Sequence[Fraction]) -> list[Fraction]:
    return [sum((a * b for a, b in zip(row, vector, strict=True)), Fraction(0)) for row in fractions(matrix)]


@settings(deadline=None, max_examples=draws(13, 60))
@given(algorithms(), st.randoms(use_true_random=False))
def test_every_algorithm_is_the_correlation(f: CookToom, rng: random.Random) -> None:
    prove(f)
    g, d = ([Fraction(rng.randint(-9, 9), rng.randint(1, 9)) for _ in range(size)] for size in (f.r, f.n))
    products = [a * b for a, b in zip(applied(f.kernel, g), applied(f.data, d), strict=True)]
    assert applied(f.output, products) == [sum(g[j] * d[i + j] for j in range(f.r)) for i in range(f.m)]


@pytest.mark.thorough
@settings(deadline=None, max_examples=40)
@given(algorithms(), st.data())
def test_the_proof_finds_one_wrong_number(f: CookToom, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["output", "kernel", "data"]))
    matrix: Matrix = getattr(f, name).as_mutable()
    row, column = (data.draw(st.integers(0, size - 1)) for size in matrix.shape)
    matrix[row, column] += 1
    wrong = CookToom(**{**vars(f), name: matrix.as_immutable()})
    with pytest.raises(EquationError, match=r"output \d+ differs from the correlation by"):
        prove(wrong)


def test_the_proof_says_what_is_left_over() -> None:
    """An output too many of one product, and one of a product that is not due."""
    one, more = cook_toom(1, 1), cook_toom(2, 1)
    with pytest.raises(EquationError, match=r"output 0 differs from the correlation by d0\*g0/2$"):
        prove(replace(one, output=one.output * Rational(3, 2)))
    rows = more.output.tolist()
    with pytest.raises(EquationError, match=r"output 1 differs from the correlation by d0\*g0 - d1\*g0$"):
        prove(replace(more, output=Matrix([rows[0], rows[0]]).as_immutable()))


@together("n", range(1, 30))
def test_standard_points_are_different_dyadic_and_symmetric(n: int) -> None:
    points = standard_points(n)
    finite = points[:-1]
    assert len(set(points)) == n
    assert points[-1] is sympy.oo
    assert {-p for p in finite} == set(finite) or n == 2
    assert all(int(p.q).bit_count() == 1 for p in finite)


def test_lavin_and_gray_f_2_3() -> None:
    """Section 4.1, equation 5; the sign of the last product is the other one."""
    f = cook_toom(2, 3)
    half = Rational(1, 2)
    assert f.output == Matrix([[1, 1, 1, 0], [0, 1, -1, 1]])
    assert f.kernel == Matrix([[1, 0, 0], [half, half, half], [half, -half, half], [0, 0, 1]])
    assert f.data == Matrix([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, -1, 0, 1]])


def test_lavin_and_gray_f_4_3() -> None:
    """Equation 14 of their section 4.3; a sign shared by a row of G and a row of B^T is free."""
    f = cook_toom(4, 3, parse_points("0, 1, -1, 2, -2, oo"))
    data = Matrix([
        [4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1],
    ])  # fmt: skip
    kernel = Matrix([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
    signs = sympy.diag(1, -1, -1, 1, 1, 1)
    assert f.data == signs * data
    assert f.kernel == signs * kernel
    assert f.output == Matrix([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])


@pytest.mark.parametrize(
    ("m", "r", "points", "words"),
    [
        (0, 3, None, "F(0, 3): expected m of at least 1, received 0"),
        (2, -1, None, "F(2, -1): expected r of at least 1, received -1"),
        (2, 3, "0, 1, oo", "F(2, 3): expected m + r - 1 = 4 points, received 3: 0, 1, oo"),
        (2, 3, "0, 1/2, 2/4, oo", "F(2, 3): expected different points, received 1/2 twice in 0, 1/2, 1/2, oo"),
        (2, 2, "0, 1.5, oo", "point '1.5'; expected an integer or a fraction such as -5/8, or oo for infinity"),
        (2, 2, "0, 1/0, oo", "point '1/0'; expected"),
        (2, 2, "0, , oo", "point ''; expected"),
    ],
)
def test_a_mistake_is_named(m: int, r: int, points: str | None, words: str) -> None:
    with pytest.raises(EquationError) as error:
        cook_toom(m, r, parse_points(points) if points else None)
    assert str(error.value).startswith(words)


def test_an_irrational_point_is_none() -> None:
    with pytest.raises(EquationError, match="point sqrt\\(2\\) is no rational number"):
        cook_toom(1, 3, [sympy.Integer(0), sympy.sqrt(2), sympy.oo])


@pytest.mark.parametrize(("m", "r"), ERRORS)
def test_the_table_of_the_runtime_is_exact(m: int, r: int) -> None:
    f, table = cook_toom(m, r), COOK_TOOM[m, r]
    for matrix, array in ((f.output, table.output), (f.kernel, table.kernel), (f.data, table.data)):
        assert array.dtype == np.float64
        np.testing.assert_array_equal(array, np.array(fractions(matrix), dtype=float))
    assert table.error == ERRORS[m, r]


def test_the_table_of_the_runtime_has_these_algorithms() -> None:
    assert list(COOK_TOOM) == list(ERRORS)


@pytest.mark.thorough
@pytest.mark.parametrize(("m", "r"), ERRORS)
def test_the_errors_in_the_table_are_those_measured(m: int, r: int) -> None:
    """Both kinds of data, plain and after a rectifier; what BLAS does in which order is up to the machine."""
    measured = measured_error(cook_toom(m, r))
    assert measured / 1.5 < ERRORS[m, r] < 1.5 * measured


@pytest.mark.thorough
@pytest.mark.parametrize(("m", "r"), ERRORS)
def test_in_float64_they_are_as_good_as_exact(m: int, r: int) -> None:
    assert measured_error(cook_toom(m, r), dtype=np.float64) < 3e-14


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_nested_algorithms_are_correlations_along_all_axes(dims: int) -> None:
    m, r = 3, 2
    rng = np.random.default_rng(dims)
    data, kernel = rng.normal(size=(*[m + r - 1] * dims, 2, 3)), rng.normal(size=(*[r] * dims, 3, 4))
    expected = np.zeros((*[m] * dims, 2, 4))
    for at, tap in product(product(range(m), repeat=dims), product(range(r), repeat=dims)):
        expected[at] += data[tuple(np.add(at, tap))] @ kernel[tap]
    np.testing.assert_allclose(nested(cook_toom(m, r), data, kernel), expected, rtol=0, atol=1e-13)
