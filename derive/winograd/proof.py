"""The proof of an algorithm: its outputs expanded in symbols, minus the correlation they stand for, are zero."""

from itertools import product

import sympy
from sympy import ImmutableMatrix, Symbol

from derive.term import EquationError
from derive.winograd.cook_toom import CookToom


def symbols(name: str, *shape: int) -> dict[tuple[int, ...], Symbol]:
    """One symbol per element: g0, g1, ... or d00, d01, ..."""
    return {at: Symbol(name + "_".join(map(str, at))) for at in product(*map(range, shape))}


def prove(algorithm: CookToom) -> None:
    """Raise unless every output equals the correlation for all g and d.

    Raises:
        EquationError: naming the output and what is left over.
    """
    g = ImmutableMatrix([Symbol(f"g{j}") for j in range(algorithm.r)])
    d = ImmutableMatrix([Symbol(f"d{k}") for k in range(algorithm.n)])
    products = (algorithm.kernel * g).multiply_elementwise(algorithm.data * d)
    outputs = algorithm.output * products
    for i in range(algorithm.m):
        correlation = sum(g[j] * d[i + j] for j in range(algorithm.r))
        rest = sympy.expand(outputs[i] - correlation)
        if rest != 0:
            raise EquationError(f"{algorithm.name}: output {i} differs from the correlation by {rest}")
