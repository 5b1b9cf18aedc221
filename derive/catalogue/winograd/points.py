"""Points of interpolation, rational numbers and `sympy.oo`: the standard ones, and how they are read from text."""

import math
import re
from collections.abc import Sequence

import sympy
from sympy import Expr, Rational

from gradscribe.derive.ir.quote import quoted
from gradscribe.derive.ir.term import EquationError

_CHOSEN = {
    1: (),
    2: ("0",),
    3: ("3/4",),
    4: ("0", "1"),
    5: ("3/8", "5/4"),
    6: ("0", "5/8", "3/2"),
    7: ("1/4", "7/8", "7/4"),
    8: ("0", "1/2", "1", "2"),
}
"""Number of points -> those that are not negative, without oo, that amplify rounding least.

benchmarks/winograd_points.py chooses them among fractions of three bits and measures them and the next ones.
"""

ERRORS: dict[tuple[int, int], float] = {
    (3, 2): 5.7e-7,
    (4, 2): 1.6e-6,
    (2, 3): 4.8e-7,
    (3, 3): 1.1e-6,
    (4, 3): 2.5e-6,
    (2, 5): 1.9e-6,
    (3, 5): 3.8e-6,
    (2, 7): 7.0e-6,
}
"""(m, r) -> the error of the 2-D algorithm at the standard points, rounded up; benchmarks/winograd_points.py prints it.

The runtime has these algorithms: for kernels of side 2, 3 and 5 a more accurate and a faster one, for side 3 also the
one between, for side 7 one. The next ones, F(6, 3) and F(4, 5), have errors above 1e-5.
"""


def standard_points(n: int) -> tuple[Expr, ...]:
    """The n points that are used by default: 0 where n is even, pairs of opposite numbers, and oo.

    Up to 8 they are those of the least error in float32. Beyond, they are tan(pi k/n), equally spaced on the circle
    that the line and its point at infinity form, rounded to a power of two that keeps them apart: the chosen ones lie
    near these, too. All are dyadic, so that B^T and A^T are exact in binary.
    """
    halves = [Rational(p) for p in _CHOSEN[n]] if n in _CHOSEN else _equally_spaced(n)
    return (*symmetric(halves), sympy.oo)


def symmetric(points: Sequence[Rational]) -> tuple[Rational, ...]:
    """Every point and its opposite; 0 once."""
    return tuple(p for q in points for p in ((q, -q) if q else (q,)))


def _equally_spaced(n: int) -> list[Rational]:
    """The points on the circle that are not negative: angles from oo at pi/2 in steps of pi/n."""
    unit = 1 << (n - 1).bit_length()
    angles = [math.pi / 2 - math.pi * k / n for k in range(1, (n + 1) // 2)]
    zero = [Rational(0)] if n % 2 == 0 else []
    return [*zero, *sorted(Rational(round(math.tan(a) * unit), unit) for a in angles)]


def parse_points(text: str) -> tuple[Expr, ...]:
    """Points written as ``0, 5/8, -5/8, oo``.

    Raises:
        EquationError: when one is neither an integer, a fraction nor oo.
    """
    return tuple(_point(part.strip()) for part in text.split(","))


def _point(text: str) -> Expr:
    if text == "oo":
        return sympy.oo
    if not re.fullmatch(r"[+-]?\d{1,6}(/0*[1-9]\d{0,5})?", text):
        raise EquationError(f"point {quoted(text)}; expected an integer or a fraction such as -5/8, or oo for infinity")
    return Rational(text)


def written(points: Sequence[Expr]) -> str:
    """Points as `parse_points` reads them."""
    return ", ".join(map(str, points))
