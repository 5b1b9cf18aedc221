"""Gradients of statistics, and plain products of gradients, inserted into the formula of a gradient."""

from collections.abc import Mapping

from sympy import Add, Expr, Mul, Symbol

from gradscribe.derive.calculus.closed.rewrites.nested import normal
from gradscribe.derive.calculus.closed.rewrites.readings import inner_ranges, is_inside
from gradscribe.derive.calculus.closed.stage import Formula
from gradscribe.derive.ir.term import Access, InnerSum, Tensor, accesses

MOST = 8
"""Factors of a product up to which it is inserted: else the gradients of a deep chain would grow with every level."""


def with_statistics(
    formula: Formula, known: Mapping[str, Formula], closed: Mapping[str, object], signals: Mapping[str, Tensor]
) -> tuple[Expr, tuple[str, ...]]:
    """The normal form with gradients inserted, and their names.

    Args:
        formula: what they are inserted into.
        known: what may be inserted, by gradient.
        closed: the gradients that are inserted whatever their shape is into a product without a sum.
        signals: every gradient tensor.
    """
    value, names = formula.value, dict[str, None]()
    while True:
        value = normal(value, signals)
        closing = closed if not isinstance(value, Add) and not value.has(InnerSum) else {}
        found = [a for a in accesses(value) if _is_inserted(a, value, formula, known, closing, signals)]
        if not found:
            return value, tuple(names)
        names |= dict.fromkeys(a.tensor for a in found)
        value = value.xreplace({a: _definition(a, known[a.tensor]) for a in found})


def _is_inserted(
    access: Access,
    value: Expr,
    formula: Formula,
    known: Mapping[str, Formula],
    closing: Mapping[str, object],
    signals: Mapping[str, Tensor],
) -> bool:
    """Whether an access reads a gradient that is a product, or one of fewer elements, outside of sums."""
    definition = known.get(access.tensor)
    if definition is None:
        return False
    if is_product(definition.value):
        ranges = (*formula.free, *inner_ranges(value))
        return len(Mul.make_args(definition.value)) <= MOST and is_inside(access, signals[access.tensor], ranges)
    if access.tensor in closing:
        return True
    own = {r.index for r in formula.free}
    fewer = access.free_symbols & own < own or not all(isinstance(e, Symbol) for e in access.indices)
    return fewer and not access.free_symbols & {r.index for r in inner_ranges(value)}


def is_product(value: Expr) -> bool:
    """Whether nothing is summed, neither tensors nor over an index."""
    return not isinstance(value, Add) and not value.has(InnerSum)


def _definition(access: Access, formula: Formula) -> Expr:
    """What an access of a gradient stands for; its sums have letters of the program, which no element has."""
    place: dict[Expr, Expr] = dict(zip((r.index for r in formula.free), access.indices, strict=True))
    return formula.value.xreplace(place)
