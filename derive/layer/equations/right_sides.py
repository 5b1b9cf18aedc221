"""The parts of an equation's right side: summands, brackets, the indices that reductions bind."""

from collections.abc import Iterable

import sympy
from sympy import Expr, Idx, Indexed, Mul, Pow, Sum

from gradscribe.derive.ir.functions import equal
from gradscribe.derive.ir.index import floordiv, integer, mod
from gradscribe.derive.ir.term import Access
from gradscribe.derive.layer.equations.written_objects import Named, Reduced, inside


def unnamed(summand: Expr, free: set[Expr], alone: bool) -> Expr:
    """The summand of a right side, whose reduction needs no name if it has all `free` indices of the left side."""
    if alone and isinstance(summand, Named):
        return summand.args[0]
    factors = Mul.make_args(summand)
    for factor in factors:
        if isinstance(factor, Named) and not factor.own and isinstance(factor.args[0], Sum):
            body, others = factor.args[0], [f for f in factors if f is not factor]
            outer = {integer(v.name) for v in body.atoms(Idx)} - {integer(v.name) for v in own_indices(body)}
            if free <= outer and not any(f.has(Sum, Reduced) for f in others):
                return Mul(body, *others)
    return summand


def is_separate(summand: Expr) -> bool:
    """Whether a summand is a statement of its own: a sum that needs no tensor, or what brackets restrict."""
    return any(isinstance(f, Sum) or is_bracket(f) for f in Mul.make_args(summand))


def unpowered(factor: Expr) -> Expr:
    """The bracket of a power of a bracket, which has the same value."""
    return factor.base if isinstance(factor, Pow) and factor.exp.is_positive else factor


def is_bracket(factor: Expr) -> bool:
    """Whether `factor` restricts indices: a range bracket, or an equality bracket that reads no tensor."""
    factor = unpowered(factor)
    return isinstance(factor, inside) or (isinstance(factor, equal) and not factor.has(Access, Indexed, floordiv, mod))


def looked_up_along(expression: Expr) -> list[Idx]:
    """The indices along which a sum that is a lookup reads, axis by axis: e, k of ``z[s[e], k]``; else none."""
    factors = Mul.make_args(expression.function) if isinstance(expression, Sum) else ()
    read = [f for f in factors if isinstance(f, Indexed)]
    brackets = [f for f in factors if isinstance(f, equal) and f.has(Indexed)]
    if len(read) != 1 or not brackets or len(factors) > 1 + len(brackets):
        return []
    bound = set(own_indices(expression))
    labels = {v: b for b in brackets for v in b.args if v in bound}
    axes = (own for e in read[0].indices for own in _in_order(labels.get(e, e)))
    return list(dict.fromkeys(v for v in axes if v not in bound))


def _in_order(expression: Expr) -> Iterable[Idx]:
    return (node for node in sympy.preorder_traversal(expression) if isinstance(node, Idx))


def own_indices(expression: Expr) -> Iterable[Idx]:
    """The indices that reductions inside `expression` bind."""
    for node in sympy.preorder_traversal(expression):
        if isinstance(node, Sum):
            yield from (limits[0] for limits in node.limits)
        elif isinstance(node, Reduced):
            yield from node.args[1]
