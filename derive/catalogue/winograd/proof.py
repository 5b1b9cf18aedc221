"""The proof of an algorithm: its outputs expanded in symbols, minus the correlation they stand for, are zero."""

from fractions import Fraction
from itertools import product

from sympy import Expr, Integer, Rational, Symbol

from gradscribe.derive.catalogue.winograd.cook_toom import CookToom, fractions
from gradscribe.derive.ir.term import EquationError


def symbols(name: str, *shape: int) -> dict[tuple[int, ...], Symbol]:
    """One symbol per element: g0, g1, ... or d00, d01, ..."""
    return {at: Symbol(name + "_".join(map(str, at))) for at in product(*map(range, shape))}


def prove(algorithm: CookToom) -> None:
    """Raise unless every output equals the correlation for all g and d.

    An output is a sum of products of the g_j and the d_k. It is expanded when the coefficient of each product is known,
    and these are compared as fractions: the same expansion by SymPy takes a hundred times as long.

    Raises:
        EquationError: naming the output and what is left over.
    """
    output, kernel, data = map(fractions, (algorithm.output, algorithm.kernel, algorithm.data))
    for i, weights in enumerate(output):
        rest: Expr = Integer(0)
        for j, k in product(range(algorithm.r), range(algorithm.n)):
            found = sum(a * g[j] * b[k] for a, g, b in zip(weights, kernel, data, strict=True))
            if found != (k == i + j):
                left = Fraction(found) - (k == i + j)
                rest += Rational(left.numerator, left.denominator) * Symbol(f"g{j}") * Symbol(f"d{k}")
        if rest != 0:
            raise EquationError(f"{algorithm.name}: output {i} differs from the correlation by {rest}")
