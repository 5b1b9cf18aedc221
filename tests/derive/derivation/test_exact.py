"""Polynomials in integers modulo a prime: against fractions, with their degrees, and what is no polynomial."""

from fractions import Fraction

import numpy as np
import pytest
from sympy import Expr, Float, Integer, Rational, Symbol, exp

from gradscribe.derive.derivation.certificate.certificate import PRIME
from gradscribe.derive.derivation.certificate.exact import Residues, drawn
from gradscribe.derive.ir.functions import equal, greater
from gradscribe.derive.ir.index import floordiv, integer, integers
from gradscribe.derive.ir.term import Access, Guard, Range, Statement, Tensor, Term

i, j, N, M = integers("i j N M")
SIZES = {N: 4, M: 3}
a = Symbol("a", real=True)


def x(at: Expr) -> Access:
    return Access("x", at)


def w(at: Expr) -> Access:
    return Access("w", at)


def point(seed: int = 0) -> Residues:
    rng = np.random.default_rng(seed)
    values = {"x": np.zeros((4,)), "w": np.zeros((3,)), "t": np.array([0, 2, -1, 7])}
    sizes: dict[Symbol, int | float] = {**SIZES, a: 0.5}
    tensors = [Tensor("x", (N,)), Tensor("w", (M,)), Tensor("t", (N,), integer=True)]
    return drawn(tensors, [], values, sizes, rng)


@pytest.mark.parametrize(
    ("body", "degree"),
    [
        (x(i), 1),
        (x(i) * w(j), 2),
        (x(i) ** 3 * w(j) - x(i), 4),
        (x(i + j - 1) * w(j), 2),
        (Rational(-2, 7) * x(i) / (N * M), 1),
        (a * x(i), 2),
        (equal(j, Access("t", i)) * x(i), 1),
        (greater(i, 1) * x(floordiv(i, Integer(2))), 1),
        (Integer(5), 0),
        (x(i) / w(j), None),
        (exp(x(i)), None),
        (greater(x(i), 0) * x(i), None),
        (equal(x(i), w(j)), None),
        (Float(0.1) * x(i), None),
        (Access("unknown", i), None),
        (x(i) ** a, None),
    ],
)
def test_degrees(body: Expr, degree: int | None) -> None:
    assert point().degree(Term((Range(i, N),), (Range(j, M),), body)) == degree


def test_an_extremum_is_no_polynomial() -> None:
    assert point().degree(Term((), (Range(i, N),), x(i), op="max")) is None


@pytest.mark.parametrize("seed", range(5))
def test_values_are_those_of_fractions(seed: int) -> None:
    at = point(seed)
    body = Rational(3, 4) * x(i + j - 1) ** 2 * w(j) / M - a * equal(j, Access("t", i))
    term = Term((Range(i, N),), (Range(j, M),), body, guards=(Guard(i - j + 1, N),))
    found = at.evaluate(term, SIZES)
    xs, ws, ts, number = at.tensors["x"], at.tensors["w"], at.tensors["t"], at.parameters[a]
    for n in range(4):
        total = Fraction(0)
        for m in range(3):
            if not 0 <= n - m + 1 < 4:
                continue
            read = int(xs[n + m - 1]) if 0 <= n + m - 1 < 4 else 0
            total += Fraction(3, 4) * read**2 * int(ws[m]) / 3 - number * int(m == ts[n])
        assert int(found[n]) == total.numerator * pow(total.denominator, -1, PRIME) % PRIME


def test_tensors_of_polynomials_are_computed_and_others_arbitrary() -> None:
    square = Statement(Tensor("s", (N,)), Term((Range(i, N),), (), x(i) ** 2))
    grown = Statement(Tensor("g", (N,)), Term((Range(i, N),), (), exp(x(i))))
    values = {name: np.ones(4) for name in ("x", "s", "g")}
    at = drawn([Tensor("x", (N,))], [square, grown], values, SIZES, np.random.default_rng(0))
    assert dict(at.degrees) == {"x": 1, "s": 2, "g": 1}
    assert np.array_equal(at.tensors["s"], at.tensors["x"] ** 2 % PRIME)


def test_one_wrong_coefficient_among_many_terms_is_seen() -> None:
    at = point()
    right = Term((), (Range(i, N), Range(j, M)), x(i) * w(j))
    wrong = Term((), (Range(i, N), Range(j, M)), x(i) * w(j) * (1 + Rational(1, 10**12) * equal(i, integer("z")) * 0))
    assert at.evaluate(right, SIZES) == at.evaluate(wrong, SIZES)
    other = Term((), (Range(i, N), Range(j, M)), x(i) * w(j) + Rational(1, 10**15) * w(j))
    assert at.evaluate(right, SIZES) != at.evaluate(other, SIZES)
