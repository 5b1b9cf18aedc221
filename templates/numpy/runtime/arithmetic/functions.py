"""Scalar functions that NumPy does not have, or not without overflow."""

from typing import Any

import numpy as np

from ..arguments.arrays import Array
from .ranges import blocks


def ratio(numerator: float, denominator: float) -> float:
    """``numerator / denominator``; NaN instead of an error when that divides by 0."""
    return numerator / denominator if denominator else float("nan")


def divisor(size: int) -> float:
    """`size` as what arrays are divided by; NaN in place of 0, so that what an empty batch divides does not warn."""
    return size or float("nan")


def share(where: Array, numerator: Any, denominator: Any) -> Array:
    """``numerator / denominator`` where the bracket `where` holds, else 0; nothing is divided elsewhere."""
    dtype = np.result_type(numerator, denominator)
    shape = np.broadcast_shapes(np.shape(where), np.shape(numerator), np.shape(denominator))
    return np.divide(numerator, denominator, out=np.zeros(shape, dtype), where=where)


def sigmoid(x: Any) -> Array:
    """``1 / (1 + exp(-x))`` with full relative accuracy; 0, silently, where it is no normal number."""
    with np.errstate(over="ignore"):
        value: Array = np.asanyarray(np.exp(-np.asanyarray(x)))
    value += 1
    return np.divide(1, value, out=value)


def softplus(x: Any) -> Array:
    """``log(1 + exp(x))`` without overflow and with full relative accuracy; NaN stays NaN, silently."""
    value: Array = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
    return value


# erf(x) = x + x P(x^2)/Q(x^2) near 0: fdlibm's s_erf.c (Sun Microsystems, 1993)
_ERF_NEAR = (
    (-2.37630166566501626084e-05, -5.77027029648944159157e-03, -2.84817495755985104766e-02, -3.25042107247001499370e-01,
     1.28379167095512558561e-01),
    (-3.96022827877536812320e-06, 1.32494738004321644526e-04, 5.08130628187576562776e-03, 6.50222499887672944485e-02,
     3.97917223959155352819e-01, 1.0),
)  # fmt: skip

# erfc(x) = exp(-x^2) P(x)/Q(x) beyond: Cody, Rational Chebyshev approximations for the error function, 1969 (CALERF)
_ERF_FAR = (
    (2.15311535474403846343e-08, 5.64188496988670089180e-01, 8.88314979438837594118e00, 6.61191906371416294775e01,
     2.98635138197400131132e02, 8.81952221241769090411e02, 1.71204761263407058314e03, 2.05107837782607146532e03,
     1.23033935479799725272e03),
    (1.0, 1.57449261107098347253e01, 1.17693950891312499305e02, 5.37181101862009857509e02, 1.62138957456669018874e03,
     3.29079923573345962678e03, 4.36261909014324715820e03, 3.43936767414372163696e03, 1.23033935480374942043e03),
)  # fmt: skip


def erf(x: Any) -> Array:
    """The error function with full relative accuracy."""
    x = np.asarray(x)
    value = np.empty(x.shape, np.result_type(x, np.float32) if x.dtype.kind == "f" else np.float64)
    source, target = x.reshape(-1), value.reshape(-1)
    for start, stop in blocks(x.size, 16):  # many passes: over what the first-level cache holds
        target[start:stop] = _erf_of(source[start:stop].astype(value.dtype))
    return value


def _erf_of(x: Array) -> Array:
    size = np.minimum(np.abs(x), 6)  # erf(6) is 1, and nothing overflows
    square = np.square(size)
    near = size + size * _quotient(_ERF_NEAR, np.minimum(square, 1))
    far = 1 - np.exp(-square) * _quotient(_ERF_FAR, size)
    return np.copysign(np.where(size < 0.84375, near, far), x)


def _quotient(polynomials: tuple[tuple[float, ...], tuple[float, ...]], x: Array) -> Array:
    """The quotient of two polynomials, their coefficients from the highest power on."""
    above, below = (np.full_like(x, coefficients[0]) for coefficients in polynomials)
    for value, coefficients in zip((above, below), polynomials, strict=True):
        for coefficient in coefficients[1:]:
            value *= x
            value += coefficient
    above /= below
    return above
