"""A statement as ``left = term``: what a delta addresses of its target is written on the left, u[n, K*g + k]."""

from dataclasses import replace

import sympy
from sympy import Expr, Symbol

from gradscribe.derive.calculus.collapse import radix_order
from gradscribe.derive.ir.index import affine, same
from gradscribe.derive.ir.term import Access, Range, Statement, Term

Axes = list[tuple[Symbol, Expr, Expr]]
"""Axes of a target that deltas address: (index of the axis, what it equals, the delta)."""


def scattered(term: Term) -> Axes:
    """The axes of the target that a delta addresses by the digits of a number, so that no element is met twice.

    In ``u[n, K*g + k]`` the axis has an index of its own, which occurs in that one delta only. ``u[n, s*i + d*r]`` is
    none: several i and r meet there. Of two axes that are equal, ``u[i, i]``, one is: that which is not the shorter.
    """
    found: Axes = []
    free = {r.index: r.extent for r in term.free}
    for r in term.free:
        using = [d for d in term.deltas if r.index in d.free_symbols]
        elsewhere = any(r.index in e.free_symbols for e in (term.body, *(g.value for g in term.guards)))
        if len(using) != 1 or elsewhere or any(using[0] == delta for _, _, delta in found):
            continue
        form = affine(using[0], term.indices)
        coefficient = form.coefficient(r.index)
        places = [(v, -c / coefficient) for v, c in form.terms if v != r.index]
        if len(places) > 1 and radix_order(term, places) is None:
            continue
        if any(v in free and not _at_most(free[v], r.extent) for v, _ in places):
            continue
        if coefficient in (1, -1):
            found.append((r.index, sympy.expand(r.index - using[0] / coefficient), using[0]))
    return found


def _at_most(extent: Expr, most: Expr) -> bool:
    """Whether an extent is known not to exceed another one."""
    return same(extent, most) or bool(extent.is_Integer and most.is_Integer and extent <= most)


def equation(statement: Statement, axes: Axes | None = None) -> tuple[Access, Term]:
    """The statement as ``left = term`` in which axes of the target are expressions: u[n, K*g + k].

    Args:
        statement: the statement.
        axes: which axes; all that are `scattered` by default.
    """
    term = statement.term
    axes = scattered(term) if axes is None else axes
    values = {index: value for index, value, _ in axes}
    left = Access(statement.target.name, *(values.get(r.index, r.index) for r in term.free))
    # the most significant digit first, as it is written
    digits = [v for _, value, _ in axes for v, _ in sorted(affine(value, term.indices).terms, key=_significance)]
    free = [r for r in term.free if r.index not in values]
    free += [Range(v, term.extent(v)) for v in dict.fromkeys(digits) if v not in {r.index for r in free}]
    named = {r.index for r in free}
    deltas = {d for _, _, d in axes}
    return left, replace(
        term,
        free=tuple(free),
        bound=tuple(r for r in term.bound if r.index not in named),
        deltas=tuple(d for d in term.deltas if d not in deltas),
    )


def _significance(term: tuple[Symbol, Expr]) -> tuple[int, bool]:
    """Digits with a product of more extents before them come first."""
    _, coefficient = term
    return -len(sympy.Mul.make_args(coefficient)), coefficient == 1
