"""A sum of terms as sums of products: factors free of the reduced indices leave it.

sum(k) dy[m,k] (o[q,k] g[m,q] + o[q,k] u[m,q])  is  (g[m,q] + u[m,q]) sum(k) dy[m,k] o[q,k]
"""

from collections.abc import Collection

from sympy import Add, Expr, Integer, Mul, Symbol

from gradscribe.derive.ir.functions import Indicator
from gradscribe.derive.ir.term import Access

MOST = 16
"""Summands up to which products of sums are written out."""

Parts = list[tuple[Expr, Expr]]
"""Pairs of a factor that is free of the reduced indices, and one that is not."""


def summands(body: Expr, bound: Collection[Symbol]) -> Parts:
    """The body as a sum of products of two; those with the same second factor are one."""
    found: Parts = []
    for summand in Add.make_args(body):
        found += _of_product(summand, set(bound))
    return _collected(found)


def _of_product(body: Expr, bound: set[Symbol]) -> Parts:
    found: Parts = [(Integer(1), Integer(1))]
    for factor in Mul.make_args(body):
        parts = _of_factor(factor, bound)
        if len(found) * len(parts) > MOST:
            parts = [(Integer(1), factor)]
        found = [(free * more, part * other) for free, part in found for more, other in parts]
    return found


def _of_factor(factor: Expr, bound: set[Symbol]) -> Parts:
    if not factor.free_symbols & bound:
        return [(factor, Integer(1))]
    if not isinstance(factor, Add):
        return [(Integer(1), factor)]
    parts = _collected([part for summand in factor.args for part in _of_product(summand, bound)])
    # the digits of a difference of two tensors are kept by the difference; products are sums of their own
    return parts if len(parts) == 1 or all(_is_product(e) for e in factor.args) else [(Integer(1), factor)]


def _is_product(summand: Expr) -> bool:
    """Whether a summand is a product of several factors that depend on something."""
    return sum(1 for f in Mul.make_args(summand) if f.has(Access) or f.free_symbols) > 1


def _collected(parts: Parts) -> Parts:
    """Those with the same second factor together; brackets stay apart, as a false one is 0 beside infinity, too."""
    found: dict[Expr, list[Expr]] = {}
    apart: Parts = []
    for free, part in parts:
        if free.has(Indicator):
            apart.append((free, part))
        else:
            found.setdefault(part, []).append(free)
    return [(_together(frees), part) for part, frees in found.items()] + apart


def _together(frees: list[Expr]) -> Expr:
    """The sum, with the factors that all summands share in front."""
    if len(frees) == 1:
        return frees[0]
    shared = [f for f in Mul.make_args(frees[0]) if not f.is_number and all(f in Mul.make_args(e) for e in frees[1:])]
    total = Add(*(Mul(*(f for f in Mul.make_args(e) if f not in shared)) for e in frees))
    return Mul(*shared, total)
