"""Ranges of guards as a reader writes them: without what ranges of indices prove, an index alone in the middle."""

from typing import NamedTuple

import sympy
from sympy import Add, Expr, Integer

from gradscribe.derive.ir.index import IntegerFunction, bounds, natural
from gradscribe.derive.ir.term import Guard, Term


class Chain(NamedTuple):
    """``first <= e < ...``: what follows `first`, each with whether it is more than what stands before it."""

    first: Expr
    links: tuple[tuple[bool, Expr], ...]


def chain(guard: Guard, term: Term) -> Chain:
    """``0 <= value < extent``, or the half of it that the ranges of the indices leave open: ``j <= i``."""
    value, extent = guard.value, guard.extent
    both = Chain(Integer(0), ((False, value), (True, extent)))
    if value.has(IntegerFunction):
        return Chain(value, ((True, extent),)) if natural(value) else both
    reach = bounds(value, {r.index: r.extent for r in term.ranges}) if not value.is_number else None
    if reach is None:
        return both
    moving = _moving(value, term)
    if reach[0] == 0 and not all(_is_negative(part) for part in moving):
        return Chain(value, ((True, extent),))
    if reach[0] == 0:  # W-1-j < p is W-p <= j
        return _not_negative(sympy.expand(extent - 1 - value), term)
    if sympy.expand(reach[1] + 1 - extent) == 0:
        return _not_negative(value, term)
    return _around(guard, moving[0]) if len(moving) == 1 and abs(moving[0].as_coeff_Mul()[0]) == 1 else both


def _around(guard: Guard, moving: Expr) -> Chain:
    """``0 <= j-1 < p`` as ``1 <= j <= p``."""
    low = sympy.expand(moving - guard.value)
    last = sympy.expand(low + guard.extent - 1)
    if _is_negative(moving):
        low, last, moving = -last, -low, -moving
    strict = last.as_coeff_Add()[0] == -1
    return Chain(low, ((False, moving), (strict, last + 1 if strict else last)))


def _not_negative(value: Expr, term: Term) -> Chain:
    """``0 <= value`` without minus signs: ``j <= i``, ``W-p <= j``; ``0 <= i-j-1`` is ``j < i``."""
    strict = value.as_coeff_Add()[0] == -1
    parts = Add.make_args(value + 1 if strict else value)
    moving = _moving(value, term)
    alone = not any(map(_is_negative, moving))
    above = Add(*(p for p in parts if (p in moving if alone else not _is_negative(p))))
    return Chain(above - Add(*parts), ((strict, above),))


def _moving(value: Expr, term: Term) -> list[Expr]:
    """The summands with an index."""
    indices = set(term.indices)
    return [part for part in Add.make_args(value) if part.free_symbols & indices]


def _is_negative(part: Expr) -> bool:
    return bool(part.as_coeff_Mul()[0].is_negative)
