"""A closed form in whole tensors: γ/√(ε+v) ⊙ (M δ − Σ δ − h ⊙ (Σ δ ⊙ h)), read off a row of sums within products."""

from collections.abc import Sequence

from sympy import Add, Expr, Mul, Symbol

from gradscribe.derive.calculus.closed.rewrites.nested import is_plain
from gradscribe.derive.derivation.forms.caption.operation import Whole
from gradscribe.derive.derivation.forms.caption.words.signs import Added, Elementwise, Scaled, Total
from gradscribe.derive.derivation.letters.notation import Monomial, Notation, monomials
from gradscribe.derive.derivation.record.section_record import Step
from gradscribe.derive.ir.term import Access, InnerSum, Term, accesses

Labels = dict[str, tuple[Symbol, ...]]
"""What counts along the axes of every tensor."""


def whole_form(step: Step) -> Whole | None:
    """The row in whole tensors; None where an index is more than a place along an axis, or axes are in other orders."""
    if not all(is_plain(t) and isinstance(e, Symbol) for t in step.terms for e in step.left.indices):
        return None
    free = tuple(e for e in step.left.indices if isinstance(e, Symbol))
    value = Add(*map(_value, step.terms))
    totals = [value, *(s.body for s in value.atoms(InnerSum)), *(a for a in value.atoms(Add) if a.has(InnerSum))]
    found = _labels(value, free)
    if found is None or not all(accesses(part) for total in totals for part in Add.make_args(total)):
        return None
    tensors, bound = found
    orders = [free, *tensors.values()]
    longest = max(orders, key=len)
    if not all([v for v in longest if v in own] == list(own) for own in orders):
        return None
    return Whole(_written(value, step.notation), tuple(tensors.items()), free, tuple(bound.items()))


def _value(term: Term) -> Expr:
    """A term, what does not depend on the indices of its sum before that."""
    bound = {r.index for r in term.bound}
    inner = [f for f in Mul.make_args(term.body) if f.free_symbols & bound]
    outer = Mul(*(f for f in Mul.make_args(term.body) if f not in inner))
    return outer * InnerSum(Mul(*inner), *term.bound) if bound else term.body


def _labels(value: Expr, free: Sequence[Symbol]) -> tuple[Labels, dict[Symbol, Symbol]] | None:
    """The labels of all tensors, and those that indices of sums stand for; None where it is not one label an axis."""
    sums = value.atoms(InnerSum)
    inner = {r.index for s in sums for r in s.ranges}
    every = accesses(value)
    plain = all(isinstance(e, Symbol) and e in {*free, *inner} for a in every for e in a.indices)
    if not plain or value.xreplace({a: Access(a.tensor) for a in every}).free_symbols & {*free, *inner}:
        return None
    tensors: Labels = {a.tensor: a.indices for a in every if not set(a.indices) & inner}
    bound: dict[Symbol, Symbol] = {}
    for access in sorted(every, key=lambda a: (a.tensor not in tensors, -len(a.indices))):
        known = tensors.get(access.tensor, ())
        for index, label in zip(access.indices, known, strict=False):
            if index in inner and bound.setdefault(index, label) != label:
                return None
        tensors.setdefault(access.tensor, tuple(bound.setdefault(e, e) if e in inner else e for e in access.indices))
    same = all(tuple(bound.get(e, e) for e in a.indices) == tensors[a.tensor] for a in every)
    distinct = all(len(set(labels)) == len(labels) for labels in tensors.values())
    apart = all(not {bound[r.index] for r in s.ranges} & s.free_symbols for s in sums if s.ranges[0].index in bound)
    return (tensors, bound) if same and distinct and apart else None


def _written(value: Expr, notation: Notation) -> Expr:
    """The expression in signs, its summands and factors in the order of the page."""
    parts = [_product(part, notation) for part in monomials(value, (), notation)]
    return Added(*parts) if len(parts) > 1 else parts[0]


def _product(part: Monomial, notation: Notation) -> Expr:
    """Numbers and sizes, then factors."""
    scale = Mul(-part.coefficient if part.negative else part.coefficient, *(f for f in part.factors if not accesses(f)))
    factors = [_factor(f, notation) for f in part.factors if accesses(f)]
    body = Elementwise(*factors) if len(factors) > 1 else factors[0]
    return Scaled(scale, body) if scale != 1 else body


def _factor(factor: Expr, notation: Notation) -> Expr:
    if isinstance(factor, InnerSum):
        return Total(_written(factor.body, notation), *(r.index for r in factor.ranges))
    if isinstance(factor, Add) and factor.has(InnerSum):
        return _written(factor, notation)
    return factor.xreplace({a: Access(a.tensor) for a in accesses(factor)})
