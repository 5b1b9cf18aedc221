"""A closed form in whole tensors: γ/√(ε+v) ⊙ (M δ − Σ δ − h ⊙ (Σ δ ⊙ h)), read off a row of sums within products."""

from collections.abc import Sequence
from itertools import chain, islice

from sympy import Add, Expr, Function, Mul, Symbol

from gradscribe.derive.calculus.closed.rewrites.nested import is_plain
from gradscribe.derive.calculus.collapse import radix_order
from gradscribe.derive.derivation.forms.caption.operation import Digits, Whole
from gradscribe.derive.derivation.forms.caption.words.signs import Added, Elementwise, Scaled, Total
from gradscribe.derive.derivation.letters.notation import Monomial, Notation, monomials
from gradscribe.derive.derivation.record.section_record import Step
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Access, InnerSum, Range, Term, accesses

Labels = dict[str, tuple[Symbol, ...]]
"""What counts along the axes of every tensor."""


def whole_form(step: Step) -> Whole | None:
    """The row in whole tensors; None where an index is more than a place along an axis, or axes are in other orders.

    An axis that is read by digits, x[n, C*g + c], counts as one for each.
    """
    if not all(map(is_plain, step.terms)):
        return None
    value = Add(*map(_value, step.terms))
    cut = _cut((step.left, *accesses(value)), step, value)
    if cut is None:
        return None
    free = tuple(chain(*cut[step.left]))
    value = value.xreplace({a: Access(a.tensor, *chain(*axes)) for a, axes in cut.items()})
    totals = [value, *(s.body for s in value.atoms(InnerSum)), *(a for a in value.atoms(Add) if a.has(InnerSum))]
    found = _labels(value, free)
    if found is None or not all(accesses(part) for total in totals for part in Add.make_args(total)):
        return None
    tensors, bound = found
    orders = [free, *tensors.values()]
    longest = max(orders, key=len)
    if not all([v for v in longest if v in own] == list(own) for own in orders):
        return None
    grouped = {a.tensor: [len(digits) for digits in axes] for a, axes in cut.items()}
    read = tuple((name, _axes(own, grouped[name])) for name, own in tensors.items())
    extents = {r.index: r.extent for r in _ranges(step, value)}
    cut_labels = {v for _, axes in read for axis in axes if isinstance(axis, Digits) for v in axis.labels}
    known = tuple((v, extents[v]) for v in sorted(cut_labels, key=str))
    return Whole(_written(value, step.notation), read, free, tuple(bound.items()), known)


def _ranges(step: Step, value: Expr) -> tuple[Range, ...]:
    """What the free indices and those of sums run over."""
    inner = (r for s in value.atoms(InnerSum) for r in s.ranges)
    return tuple(dict.fromkeys((*step.terms[0].free, *inner)))


def _cut(found: Sequence[Access], step: Step, value: Expr) -> dict[Access, list[list[Symbol]]] | None:
    """The digits of each index of accesses, the most significant one first; None where an index is something else."""
    term = Term(_ranges(step, value), (), value)
    digits = {e: _digits(e, term) for a in found for e in a.indices}
    known = {e: own for e, own in digits.items() if own is not None}
    return None if len(known) < len(digits) else {a: [known[e] for e in a.indices] for a in found}


def _digits(index: Expr, term: Term) -> list[Symbol] | None:
    if isinstance(index, Symbol):
        return [index]
    if index.has(Function):
        return None
    form = affine(index, term.indices)
    found = radix_order(term, list(form.terms)) if form.offset == 0 else None
    return found[::-1] if found else None


def _axes(labels: Sequence[Symbol], counts: Sequence[int]) -> tuple[Symbol | Digits, ...]:
    """The labels of each axis: `counts` says how many it has."""
    rest = iter(labels)
    groups = (tuple(islice(rest, count)) for count in counts)
    return tuple(group[0] if len(group) == 1 else Digits(group) for group in groups)


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
