"""The labels of a row: its indices, and the digits ``e div K``, ``e mod K`` of those that are read digit by digit."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import sympy
from sympy import Expr, Symbol

from gradscribe.derive.derivation.forms.caption.operation import Digits
from gradscribe.derive.ir.index import affine, floordiv, integer, mod
from gradscribe.derive.ir.term import Access, Term, accesses


@dataclass(frozen=True)
class Grid:
    """A row whose digits are indices of their own.

    Attributes:
        term: the row, with an index in place of each digit.
        extents: how many values every index has.
        names: what stands for a digit on the page.
        result: what counts along the axes of the result.
    """

    term: Term
    extents: Mapping[Symbol, Expr]
    names: Mapping[Symbol, Expr]
    result: tuple[Symbol | Digits, ...]

    @property
    def labels(self) -> tuple[Symbol, ...]:
        """Every index."""
        return tuple(self.extents)

    @property
    def bound(self) -> tuple[Symbol, ...]:
        """The indices that are summed over."""
        return tuple(r.index for r in self.term.bound)


def grid(term: Term) -> Grid:
    """The labels of a row."""
    term = _straightened(term)
    extents: dict[Symbol, Expr] = {}
    names: dict[Symbol, Expr] = {}
    body, result = term.body, []
    for r in term.free:
        base = _base(term, r.index, r.extent)
        if base is None:
            extents[r.index] = r.extent
            result.append(r.index)
            continue
        high, low = (integer(f"_{r.index}_{digit}") for digit in ("high", "low"))
        digits = {high: floordiv(r.index, base), low: mod(r.index, base)}
        names |= digits
        extents |= {high: sympy.cancel(r.extent / base), low: base}
        body = body.xreplace({e: d for d, e in digits.items()}).xreplace({r.index: base * high + low})
        result.append(Digits((high, low)))
    extents |= {r.index: r.extent for r in term.bound}
    normal = {a: Access(a.tensor, *map(_expanded, a.indices)) for a in accesses(body)}
    return Grid(replace(term, body=body.xreplace(normal)), extents, names, tuple(result))


def _base(term: Term, index: Symbol, extent: Expr) -> Expr | None:
    """By what an index is divided with remainder where its digits are read together with others; None elsewhere."""
    read = [e for a in accesses(term.body) for e in a.indices]
    mixed = [e for e in read if not isinstance(e, floordiv)]
    found = {d.args[1] for e in mixed for d in e.atoms(floordiv, mod) if d.args[0] == index}
    if len(found) != 1:
        return None
    (base,) = found
    return base if sympy.denom(sympy.together(sympy.cancel(extent / base))) == 1 else None


def _expanded(index: Expr) -> Expr:
    return index if index.has(sympy.Function) else sympy.expand(index)


def _straightened(term: Term) -> Term:
    """The row with every summed index run backwards that is read backwards alone: w[R - 1 - r] becomes w[r]."""
    for r in term.bound:
        alone = [
            form
            for a in accesses(term.body)
            for e in a.indices
            if not e.has(sympy.Function) and (form := affine(e, term.indices)).indices == (r.index,)
        ]
        back = sympy.expand(r.extent - 1 - r.index)
        if alone and all(sympy.expand(f.expression() - back) == 0 for f in alone):
            term = term.substitute({r.index: back})
    return term
