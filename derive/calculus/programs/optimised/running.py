"""Sums over a part of an axis that moves: [j <= i], windows [i - W < j <= i], segments [o[s] <= i < o[s+1]].

Each sum is the one before it and a few elements more or less: all of them together take one pass.
"""

from sympy import Add, Expr, Mul, Symbol

from gradscribe.derive.calculus.passes.brackets import as_factors, within
from gradscribe.derive.ir.functions import Indicator, at_least, greater
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Term, accesses


def running(term: Term) -> frozenset[Symbol]:
    """The index of the result that says which part of an axis is summed; empty where a term is no such sum."""
    if not term.is_sum or len(term.bound) != 1 or term.deltas or term.divisibilities:
        return frozenset()
    body = as_factors(term).body
    if isinstance(body, Add):
        return frozenset()
    summed = term.bound[0].index
    brackets = [f for f in Mul.make_args(body) if isinstance(f, Indicator)]
    rest = Mul(*(f for f in Mul.make_args(body) if not isinstance(f, Indicator)))
    own = {r.index for r in term.free}
    asked = set().union(*(b.free_symbols & own for b in brackets))
    if len(asked) != 1 or summed not in rest.free_symbols:
        return frozenset()
    (place,) = asked
    if any(not _is_end(b, summed, place, term) for b in brackets):
        return frozenset()
    inner = Mul(*(f for f in Mul.make_args(rest) if summed in f.free_symbols))
    return frozenset() if place in inner.free_symbols else frozenset([place])


def _is_end(bracket: Expr, summed: Symbol, place: Symbol, term: Term) -> bool:
    """Whether a bracket says where the part begins or ends: by the place, or by labels of it."""
    if isinstance(bracket, within):
        form = affine(bracket.args[0], (summed, place))
        return form.coefficient(summed) in (1, -1) and form.coefficient(place) == -form.coefficient(summed)
    if not isinstance(bracket, at_least | greater):
        return False
    return any(_is_label_end(one, other, summed, place) for one, other in (bracket.args, bracket.args[::-1]))


def _is_label_end(position: Expr, label: Expr, summed: Symbol, place: Symbol) -> bool:
    """Whether an index is compared with a label of the place; or the place with one of the index: the adjoint."""
    for one, other in ((summed, place), (place, summed)):
        if position == one and one not in label.free_symbols and other in label.free_symbols and accesses(label):
            return True
    return False
