"""What a product is: a product of matrices, one element by element, full or valid windows; names without indices."""

from collections.abc import Sequence

import sympy
from sympy import Add, Dummy, Expr, Mul, Pow, Symbol

from gradscribe.derive.derivation.forms.caption.operation import (
    Digits,
    Operand,
    Product,
    Read,
    Repeated,
    Window,
    labels_of,
)
from gradscribe.derive.derivation.forms.caption.remainder import expanded
from gradscribe.derive.derivation.forms.caption.words.signs import (
    Added,
    Elementwise,
    Kronecker,
    Matrices,
    OneHot,
    Ones,
    Reshaped,
    Scaled,
    Total,
    Transposed,
)
from gradscribe.derive.ir.functions import is_indicator
from gradscribe.derive.ir.term import Access, accesses
from gradscribe.kept import kept_with

SHORT = 16
"""A formula of more operations is not repeated in a name."""


@kept_with  # words, operator form and its parts ask for it
def bare(operand: Operand) -> Expr | None:
    """The formula of an operand in whole tensors; None where that would not say how they are combined, or is long."""
    if operand.shown is not None:
        return operand.shown
    reads = dict(operand.reads)  # g ⊙ (1−g) reads one element twice
    names = [read.tensor for read in reads.values()]
    labels = [set(read.labels) for read in reads.values()]
    nested = all(own <= max(labels, key=len) for own in labels)
    whole = {leaf: _letter(read) for leaf, read in reads.items()}
    short = sympy.count_ops(operand.value.xreplace({leaf: Dummy() for leaf in whole})) <= SHORT
    if len(set(names)) < len(names) or not nested or not short or None in whole.values():
        return None
    leaves = list(reads)
    places = {f: min(n for n, e in enumerate(leaves) if f.has(e)) for f in Mul.make_args(operand.value)}
    factors = sorted(places, key=lambda f: (places[f], f.is_Add))
    shown = [of_elements(f.xreplace({leaf: e for leaf, e in whole.items() if e is not None}), names) for f in factors]
    return Elementwise(*shown) if len(shown) > 1 else shown[0]


def of_elements(e: Expr, order: Sequence[str]) -> Expr:
    """A formula in whole tensors whose products say ⊙: two tensors side by side would be a product of matrices.

    Args:
        e: the formula.
        order: its tensors in reading order.
    """
    if isinstance(e, Access) or not accesses(e):
        return e
    parts = [of_elements(a, order) for a in e.args]
    if isinstance(e, Add) and any(isinstance(p, Elementwise | Scaled) for p in parts):
        return Added(*sorted(map(_with_scale, parts), key=lambda p: (*_kind(p), _first(p, order))))
    above = [f for f in parts if accesses(f) and not _is_inverse(f)]
    if not isinstance(e, Mul) or len(above) < 2:
        return e.func(*parts)
    factors = sorted(above, key=lambda f: (is_indicator(f), isinstance(f, Add | Added), _first(f, order)))
    below = [f for f in parts if accesses(f) and _is_inverse(f)]
    return _scaled(Mul(*(f for f in parts if not accesses(f))), Elementwise(*factors, *below))


def _with_scale(summand: Expr) -> Expr:
    """A summand with its number in front."""
    if not isinstance(summand, Mul):
        return summand
    scale = Mul(*(f for f in summand.args if not accesses(f)))
    return _scaled(scale, Mul(*(f for f in summand.args if accesses(f))))


def _scaled(scale: Expr, e: Expr) -> Expr:
    return e if scale == 1 else Scaled(scale, e)


def _kind(summand: Expr) -> tuple[bool, bool, bool]:
    """Numbers first, then what is no product; what is taken away last."""
    negative = isinstance(summand, Scaled) and summand.args[0].could_extract_minus_sign()
    return negative, bool(accesses(summand)), summand.has(Elementwise)


def _first(e: Expr, order: Sequence[str]) -> int:
    """The place of the first of its tensors."""
    return min((order.index(a.tensor) for a in accesses(e)), default=-1)


def _is_inverse(factor: Expr) -> bool:
    return isinstance(factor, Pow) and bool(factor.exp.could_extract_minus_sign())


def letter(operand: Operand) -> Expr | None:
    """The tensor that an operand is, however it is read; None for a formula."""
    ((leaf, read), *others) = operand.reads
    alone = operand.value == leaf and not others and not read.numbers and not read.is_diagonal
    return Access(read.tensor) if alone else None


def _letter(read: Read) -> Expr | None:
    """A tensor as it is read: its letter, its elements repeated, what its positions are."""
    name = OneHot(Access(read.tensor)) if read.numbers else Access(read.tensor)
    repeated = [axis for axis in read.axes if isinstance(axis, Repeated)]
    if read.is_diagonal or any(isinstance(axis, Window) and axis.tap is None for axis in read.axes):
        return None  # cut, or zeros between: no name for a factor
    if not repeated:
        return name
    return Kronecker(name, Ones(*(a.times for a in repeated))) if all(a.before == 0 for a in repeated) else None


def routed(p: Product) -> tuple[Expr, Expr, tuple[Operand, ...]] | None:
    """Of a signal that goes where recorded positions are: its formula, the positions, other factors; None elsewhere."""
    reads = [(leaf, read, o) for o in p.operands for leaf, read in o.reads]
    chosen = [(leaf, read, o) for leaf, read, o in reads if read.numbers]
    if len(chosen) != 1:
        return None
    ((bracket, at, holder),) = chosen
    if not any(isinstance(axis, Window | Repeated) for axis in at.axes):
        return None
    signal = [o for o in p.operands if o.shown is None and all(r.axes == at.axes for _, r in o.reads)]
    if holder not in signal or not all(o in signal or o.shown is not None or _is_plain(o) for o in p.operands):
        return None
    value = Mul(*(o.value for o in signal)) / bracket
    if value == 1 or value.has(bracket) or set(p.summed) != {n.label for n in at.numbers} & set(p.summed):
        return None
    tensors = {leaf: Access(r.tensor) for o in signal for leaf, r in o.reads if leaf != bracket}
    return value.xreplace(tensors), Access(at.tensor), tuple(o for o in p.operands if o not in signal)


def slides_alone(moved: Operand) -> bool:
    """Whether nothing in it asks which tap of its window it is: what a place of a maximum is part of slides nowhere."""
    taps = {w.tap for w in moved.windows}
    return not any(n.label in taps for _, read in moved.reads for n in read.numbers)


def _is_plain(operand: Operand) -> bool:
    return not operand.windows and not any(isinstance(axis, Repeated) for axis in operand.axes)


def is_whole(operand: Operand) -> bool:
    """Whether all of its tensors are read from the first to the last element of every axis."""
    return all(isinstance(axis, Symbol | Digits) for axis in operand.axes)


def full(w: Window, p: Product) -> bool:
    """Whether every window that touches an element is taken."""
    return bool(expanded(w.before - reach(w, p)) == 0 == expanded(w.after - reach(w, p)))


def reach(w: Window, p: Product) -> Expr:
    """How far it is from the first tap of a window to the last."""
    assert w.tap is not None  # of windows that slide
    return w.dilation * (p.extent(w.tap) - 1)


def valid(w: Window) -> bool:
    """Whether windows lie inside, and reach from the first element to the last."""
    return bool(w.before == 0 and w.after == 0)


def ones(p: Product) -> Expr:
    """The kernel of windows that are summed and multiplied by nothing."""
    return Ones(*(p.extent(w.tap) for w in p.windows if w.tap is not None))


def elementwise(p: Product) -> bool:
    """Whether every operand has axes of the result in their order, and one has all."""
    if not all(isinstance(a, Symbol | Repeated) or a in p.result for o in p.operands for a in o.axes):
        return False
    orders = [[p.axes.index(v) for v in o.labels if v in p.axes] for o in p.operands]
    return all(order == sorted(order) for order in orders) and any(len(order) == len(p.axes) for order in orders)


def permuted(p: Product) -> bool:
    """Whether the only operand has its axes in the order of the result."""
    labels = p.operands[0].labels
    return list(labels) == [v for v in p.axes if v in labels]


def is_outer_product(p: Product) -> bool:
    """Whether the axes of the result are those of the first operand, then those of the second."""
    return (
        len(p.operands) == 2
        and all(o.labels for o in p.operands)
        and p.axes == (*p.operands[0].labels, *p.operands[1].labels)
    )


def product_of_matrices(p: Product) -> Expr | None:
    """``δ wᵀ`` where two matrices share one summed index; None elsewhere.

    Axes in front that one of them has or both, and the result, count the matrices: it is a product for every one.
    """
    if len(p.operands) != 2 or len(p.summed) != 1 or len(p.axes) < 2 or len(p.result) != len(p.axes):
        return None
    (*shared, row, column), inner = p.axes, p.summed[0]
    every = [(*shared, *pair) for pair in ((row, inner), (inner, column))]
    found = {frozenset(o.labels): o for o in p.operands if is_whole(o)}
    if len({row, column, inner}) < 3 or not any(frozenset(labels) in found for labels in every):
        return None
    factors = [
        next((_upright(found[frozenset(own)], own) for own in (labels, labels[-2:]) if frozenset(own) in found), None)
        for labels in every
    ]
    return Matrices(*factors) if None not in factors else None


def total(p: Product) -> Expr | None:
    """``Σ_n x ⊙ δ`` where one operand has all axes that are met, in the order of the result; else ``Σ_n xᵀ δ``."""
    shown = [bare(o) for o in p.operands]
    if not p.summed or None in shown or not all(map(is_whole, p.operands)) or _cut(p):
        return None
    whole = max((r.labels for o in p.operands for _, r in o.reads), key=len, default=())
    left = [v for v in whole if v not in p.summed]
    ordered = all(_is_part(r.labels, whole) for o in p.operands for _, r in o.reads) and _is_part(left, p.axes)
    if set(p.summed) <= set(whole) and ordered:
        factors = [f for e in shown if e is not None for f in (e.args if isinstance(e, Elementwise) else (e,))]
        over = [v for v in whole if v in p.summed]
        return Total(Elementwise(*factors) if len(factors) > 1 else factors[0], *over)
    if len(p.operands) != 2 or len(p.axes) != 2 or len(p.summed) < 2:
        return None
    matrices = [next((e for o in p.operands if (e := _upright(o, (*p.summed, v))) is not None), None) for v in p.axes]
    return None if None in matrices else Total(Matrices(Transposed(matrices[0]), matrices[1]), *p.summed[:-1])


def _is_part(labels: Sequence[Symbol], whole: Sequence[Symbol]) -> bool:
    """Whether labels are among others, in their order."""
    return list(labels) == [v for v in whole if v in labels]


def _cut(p: Product) -> bool:
    """Whether an axis is read digit by digit."""
    return any(isinstance(a, Digits) and a.labels for a in (*p.result, *(a for o in p.operands for a in o.axes)))


def reshaped_product(p: Product) -> Expr | None:
    """``reshape(δ wᵀ)`` where an axis of one of two matrices is several axes of the result; None elsewhere."""
    if len(p.operands) != 2 or len(p.summed) != 1 or not all(map(is_whole, p.operands)):
        return None
    sides = [_side_of_product(o, p.summed[0]) for o in p.operands]
    if None in sides:
        return None
    known = [side for side in sides if side is not None]
    for (row, left), (column, right) in (known, known[::-1]):
        if (*row, *column) == p.axes and len(p.axes) > 2:
            return Reshaped(Matrices(left, Transposed(right)))
    return None


def _side_of_product(operand: Operand, inner: Symbol) -> tuple[tuple[Symbol, ...], Expr] | None:
    """A matrix with the index that is summed along its columns, and what counts its rows; None for no matrix."""
    name, axes = letter(operand), list(operand.axes)
    if name is None or len(axes) != 2 or inner not in axes:
        return None
    rows = axes[1 - axes.index(inner)]
    return labels_of(rows), name if axes[1] == inner else Transposed(name)


def _upright(operand: Operand, labels: tuple[Symbol, ...]) -> Expr | None:
    """A matrix, or its transpose; None where tensors of several orders make it up."""
    name = bare(operand)
    orders = {read.labels for _, read in operand.reads if len(read.labels) == len(labels)}
    if name is None or len(orders) != 1 or any(len(read.labels) < len(labels) for _, read in operand.reads):
        return None
    turned = (*labels[:-2], labels[-1], labels[-2])
    return name if orders == {labels} else Transposed(name) if orders == {turned} else None
