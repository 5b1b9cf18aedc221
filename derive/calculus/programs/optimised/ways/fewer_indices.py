"""Sums within a product that depend on fewer of its indices are tensors of their own, each computed once.

y[n,k] = a[n,k] sum(c) tanh(a[n,c])   is   s[n] = sum(c) tanh(a[n,c]);  y[n,k] = a[n,k] s[n]
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from sympy import Add, Expr, Mul, Symbol

from gradscribe.derive.calculus.programs.optimised.statement_work import extents_of
from gradscribe.derive.calculus.programs.optimised.temporaries import Temporaries
from gradscribe.derive.ir.functions import Indicator
from gradscribe.derive.ir.term import Term


def apart(term: Term, stem: str, made: Temporaries) -> Iterator[Term]:
    """The term that reads such sums, if there are any; their tensors go to `made`.

    Brackets stay with what they multiply: where all of them are false that is 0, whatever is beside the sum.

    Args:
        term: a sum of a product.
        stem: what the tensors are named after.
        made: takes them.
    """
    if not term.is_sum or term.deltas or term.divisibilities or term.guards or isinstance(term.body, Add):
        return
    extents, free = extents_of(term), {r.index for r in term.free}
    rest = list(Mul.make_args(term.body))
    gone: set[Symbol] = set()
    for factors in _connected(rest, [r.index for r in term.bound]):
        own = set[Symbol]().union(*(f.free_symbols for f in factors)) & extents.keys()
        if free <= own or any(f.has(Indicator) for f in factors):
            continue
        summed = [v for v in extents if v in own - free]
        rest = [f for f in rest if f not in factors]
        rest.append(made.tensor(stem, Mul(*factors), summed, extents))
        gone |= set(summed)
    if gone:
        yield replace(term.without(*gone), body=Mul(*rest))


def _connected(factors: Sequence[Expr], bound: Collection[Symbol]) -> list[list[Expr]]:
    """The factors that depend on bound indices, those together that have one in common, or have one that has."""
    found: list[tuple[set[Symbol], list[Expr]]] = []
    for factor in factors:
        own = factor.free_symbols & set(bound)
        if not own:
            continue
        mine = [group for group in found if group[0] & own]
        found = [group for group in found if group not in mine]
        found.append((own.union(*(v for v, _ in mine)), [*(f for _, group in mine for f in group), factor]))
    return [group for _, group in found]
