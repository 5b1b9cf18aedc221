"""Cook-Toom algorithms F(m, r): m outputs of a correlation with r taps in n = m + r - 1 multiplications.

The product of two polynomials of m and r coefficients is known from its values at n points: n multiplications. The
transpose of that algorithm computes a correlation. All numbers are exact.

Source: Toom, The complexity of a scheme of functional elements realizing the multiplication of integers, 1963; Cook, On
the minimum computation time of functions, 1966; Winograd, Arithmetic complexity of computations, 1980; Lavin and Gray,
Fast algorithms for convolutional neural networks, 2016, section 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import sympy
from sympy import Expr, ImmutableMatrix, Poly, Rational, Symbol

from gradscribe.derive.catalogue.winograd.points import standard_points, written
from gradscribe.derive.ir.term import EquationError

z = Symbol("z")
"""The variable of the polynomials."""
Rows = list[list[Fraction]]


@dataclass(frozen=True)
class CookToom:
    """F(m, r): ``y = output [(kernel g) * (data d)]`` is y[i] = sum over j of g[j] d[i + j].

    Attributes:
        m: outputs.
        r: taps of the kernel g.
        points: the n points of interpolation; `sympy.oo` stands for the coefficient of the highest power.
        output: A^T, (m, n): the powers of the points.
        kernel: G, (n, r): the powers of the points over the denominators of the Lagrange polynomials.
        data: B^T, (n, n): the coefficients of the numerators of the Lagrange polynomials.
    """

    m: int
    r: int
    points: tuple[Expr, ...]
    output: ImmutableMatrix
    kernel: ImmutableMatrix
    data: ImmutableMatrix

    @property
    def n(self) -> int:
        """Multiplications, and elements of d."""
        return self.m + self.r - 1

    @property
    def name(self) -> str:
        """``F(4, 3)``."""
        return f"F({self.m}, {self.r})"


def cook_toom(m: int, r: int, points: Sequence[Expr] | None = None) -> CookToom:
    """F(m, r) at the given points.

    The sign of a denominator goes to B^T, so that G's denominators are positive. F(2, 3) at (0, 1, -1, oo) is then the
    algorithm of Lavin and Gray, section 4.1, but for the sign of the last product.

    Args:
        m: outputs, at least 1.
        r: taps, at least 1.
        points: m + r - 1 different ones; `standard_points` by default.

    Raises:
        EquationError: when m or r is below 1 or the points do not fit.
    """
    for name, value in (("m", m), ("r", r)):
        if value < 1:
            raise EquationError(f"F({m}, {r}): expected {name} of at least 1, received {value}")
    found = tuple(standard_points(m + r - 1) if points is None else points)
    _check(found, m, r)
    output, kernel, data = (_matrix(rows) for rows in transforms(m, r, found))
    return CookToom(m, r, found, output, kernel, data)


def transforms(m: int, r: int, points: tuple[Expr, ...]) -> tuple[Rows, Rows, Rows]:
    """The rows of A^T, G and B^T of F(m, r) at points that fit, as `cook_toom` makes matrices of them."""
    data, kernel = [], []
    for p, (numerator, denominator) in zip(points, _basis(points), strict=True):
        sign = -1 if denominator < 0 else 1
        data.append([sign * c for c in numerator])
        kernel.append([sign * v / denominator for v in powers(p, r)])
    return [*map(list, zip(*(powers(p, m) for p in points), strict=True))], kernel, data


def fractions(matrix: ImmutableMatrix) -> Rows:
    """The rows of a matrix of rational numbers."""
    return [[_fraction(v) for v in row] for row in matrix.tolist()]


def _matrix(rows: Rows) -> ImmutableMatrix:
    return ImmutableMatrix([[_rational(v) for v in row] for row in rows])


def _fraction(number: Rational) -> Fraction:
    return Fraction(int(number.p), int(number.q))


def _rational(number: Fraction) -> Rational:
    return Rational(number.numerator, number.denominator)


@lru_cache(maxsize=64)
def _basis(points: tuple[Expr, ...]) -> tuple[tuple[list[Fraction], Fraction], ...]:
    """The coefficients and the denominator for each point: the same for all m and r that have so many points."""
    found = (_lagrange(p, points) for p in points)
    return tuple((c + [Fraction(0)] * (len(points) - len(c)), denominator) for c, denominator in found)


def _check(points: tuple[Expr, ...], m: int, r: int) -> None:
    for p in points:
        if p is not sympy.oo and not isinstance(p, Rational):
            raise EquationError(f"F({m}, {r}): point {p} is no rational number; expected such as Rational(5, 8), or oo")
    if len(points) != m + r - 1:
        raise EquationError(
            f"F({m}, {r}): expected m + r - 1 = {m + r - 1} points, received {len(points)}: {written(points)}"
        )
    twice = next((p for p in points if points.count(p) > 1), None)
    if twice is not None:
        raise EquationError(f"F({m}, {r}): expected different points, received {twice} twice in {written(points)}")


def powers(p: Expr, length: int) -> list[Fraction]:
    """What the coefficients of a polynomial are multiplied by for its value at p; the highest counts at infinity."""
    if p is sympy.oo:
        return [Fraction(int(k == length - 1)) for k in range(length)]
    value = _fraction(p)
    return [value**k for k in range(length)]


def lagrange(p: Expr, points: Sequence[Expr]) -> tuple[Poly, Rational]:
    """Numerator and denominator of the polynomial that is 1 at p and 0 at the other points.

    At infinity a value is the coefficient of z^(n - 1): the polynomial of that point is 0 at all finite ones and has
    the leading coefficient 1, the others have a lower degree.
    """
    numerator, denominator = _lagrange(p, points)
    return Poly([_rational(c) for c in reversed(numerator)], z, domain="QQ"), _rational(denominator)


def _lagrange(p: Expr, points: Sequence[Expr]) -> tuple[list[Fraction], Fraction]:
    """The same with the coefficients of z^0, z^1, ... of the numerator."""
    numerator, denominator = [Fraction(1)], Fraction(1)
    for q in points:
        if q not in (p, sympy.oo):
            root = _fraction(q)
            times_z, times_root = [Fraction(0), *numerator], [*(c * root for c in numerator), Fraction(0)]
            numerator = [a - b for a, b in zip(times_z, times_root, strict=True)]
            denominator *= _fraction(p) - root if p is not sympy.oo else 1
    return numerator, denominator
