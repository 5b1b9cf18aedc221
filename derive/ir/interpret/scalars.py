"""Functions of single numbers under NumPy's names, with its infinities and NaN: what rows of tables are computed by.

Where there is no NumPy, as in a browser, sizes and small examples are computed all the same.
"""

import math
from collections.abc import Callable
from math import copysign, inf, nan

Unary = Callable[[float], float]


def _total(function: Unary, beyond: Unary = lambda x: inf) -> Unary:
    """A function of Python's for all numbers: `beyond` what a float holds, and NaN where it is undefined."""

    def computed(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            return beyond(x)
        except ValueError:
            return nan

    return computed


exp, expm1, cosh = _total(math.exp), _total(math.expm1), _total(math.cosh)
sinh = _total(math.sinh, lambda x: copysign(inf, x))
sin, cos, tan, tanh, abs = _total(math.sin), _total(math.cos), _total(math.tan), math.tanh, math.fabs
arcsin, arccos, arctan = _total(math.asin), _total(math.acos), math.atan
arcsinh, arccosh = math.asinh, _total(math.acosh)


def arctanh(x: float) -> float:
    """The inverse of tanh, infinite at 1 and -1."""
    return math.atanh(x) if -1 < x < 1 else copysign(inf, x) if math.fabs(x) == 1 else nan


def log(x: float) -> float:
    """The natural logarithm."""
    return math.log(x) if x > 0 else nan if x else -inf


def log1p(x: float) -> float:
    """``log(1 + x)``."""
    return math.log1p(x) if x > -1 else nan if x != -1 else -inf


def logaddexp(a: float, b: float) -> float:
    """``log(exp(a) + exp(b))``, without overflow."""
    high = maximum(a, b)
    return high if math.isinf(high) else high + math.log1p(math.exp(-math.fabs(a - b)))


def power(base: float, exponent: float) -> float:
    """``base**exponent`` over the reals."""
    try:
        return float(base) ** exponent if base >= 0 or float(exponent).is_integer() else nan
    except ZeroDivisionError:
        return inf
    except OverflowError:
        return -inf if base < 0 and exponent % 2 else inf


def add(a: float, b: float) -> float:
    """The sum."""
    return a + b


def multiply(a: float, b: float) -> float:
    """The product."""
    return a * b


def maximum(a: float, b: float) -> float:
    """The larger one, NaN if one is."""
    return a if a >= b or math.isnan(a) else b


def minimum(a: float, b: float) -> float:
    """The smaller one, NaN if one is."""
    return a if a <= b or math.isnan(a) else b


def sign(x: float) -> float:
    """-1, 0 or 1."""
    return nan if math.isnan(x) else (x > 0) - (x < 0)


def _stepped(function: Callable[[float], int]) -> Unary:
    """A function to integers, for all numbers: NaN and infinities stay what they are."""
    return lambda x: float(function(x)) if math.isfinite(x) else x


floor, ceil, rint = _stepped(math.floor), _stepped(math.ceil), _stepped(round)


def greater(a: float, b: float) -> bool:
    """Whether a > b."""
    return a > b


def greater_equal(a: float, b: float) -> bool:
    """Whether a >= b."""
    return a >= b


def equal(a: float, b: float) -> bool:
    """Whether a = b."""
    return a == b


def not_equal(a: float, b: float) -> bool:
    """Whether a is not b."""
    return a != b


def vectorize(function: Unary, otypes: list[type]) -> Unary:
    """A function of Python's is one of numbers already."""
    return function
