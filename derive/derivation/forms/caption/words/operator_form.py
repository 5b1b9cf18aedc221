"""Caption -> operator form: ``δ ∗ w = δ ⋆ rot_π w``, from the record that the words are made from."""

from collections.abc import Sequence
from functools import reduce
from itertools import takewhile

from sympy import Expr, gcd

from gradscribe.derive.derivation.forms.caption.operation import ONE, Caption, Operand, Product, Repeated, Window
from gradscribe.derive.derivation.forms.caption.words.shape import (
    bare,
    elementwise,
    is_outer_product,
    letter,
    ones,
    permuted,
    product_of_matrices,
    reshaped_product,
    routed,
    slides_alone,
    total,
)
from gradscribe.derive.derivation.forms.caption.words.signs import (
    Added,
    Apart,
    Convolved,
    Correlated,
    Element,
    Elementwise,
    Every,
    Matrices,
    Rotated,
    Same,
    Scaled,
    Shifted,
    Transposed,
    Unpooled,
)
from gradscribe.derive.ir.term import Access
from gradscribe.kept import kept_with


@kept_with  # asked for to choose a caption, and to print it
def operator_form(caption: Caption, tensor: str) -> Expr | None:
    """``tensor = ...`` in whole tensors; None where a summand has no such form, or the form is a tensor alone."""
    forms = [_product(p) for p in caption.summands]
    fronts = [front for p in caption.summands if (front := _front(p)) is not None]
    if not all(forms) or len(fronts) < len(forms):
        return None
    if len(forms) == 1 and not fronts[0] and _lacks_axes(caption.summands[0]):
        return None
    scales = [p.scale for p in caption.summands]
    if len(forms) == 1:
        found = [_scaled(scales[0], _behind(fronts[0], e)) for e in (forms[0][:1] if fronts[0] else forms[0])]
    else:
        shared = [group[0] for group in takewhile(lambda group: len(set(group)) == 1, zip(*fronts, strict=False))]
        own = [_behind(front[len(shared) :], form[0]) for front, form in zip(fronts, forms, strict=True)]
        number = abs(reduce(gcd, scales)) if all(scale.is_Rational for scale in scales) else ONE
        ordered = sorted(zip(scales, own, strict=True), key=lambda pair: pair[0].could_extract_minus_sign())
        found = [_scaled(number, _behind(shared, Added(*(_scaled(scale / number, e) for scale, e in ordered))))]
    for name, inner in reversed(caption.inserted):
        put = operator_form(inner, name)
        if put is None:
            return None
        found = [e.xreplace({Access(name): put.args[1]}) for e in found]
    return None if isinstance(found[0], Access) else Same(Access(tensor), *found)


def _lacks_axes(p: Product) -> bool:
    """Whether axes of the result are met nowhere: a form alone would not say that it is the same along them."""
    return {v for o in p.operands for v in o.labels} < {*p.axes, *p.summed}


def _front(p: Product) -> tuple[Expr, ...] | None:
    """The factors before a sum; None where one has no form."""
    shown = tuple(e for o in p.front if (e := bare(o)) is not None)
    return shown if len(shown) == len(p.front) else None


def _behind(front: Sequence[Expr], e: Expr) -> Expr:
    inner = e.args if isinstance(e, Elementwise) else (e,)
    return Elementwise(*front, *inner) if front else e


def _scaled(scale: Expr, e: Expr) -> Expr:
    return Scaled(scale, e) if scale != 1 else e


def _product(p: Product) -> tuple[Expr, ...]:
    """The forms that a product has, without its scale and its front factors; () where it has none."""
    return _routed(p) or (_sliding(p) if p.windows else _plain(p))


def _routed(p: Product) -> tuple[Expr, ...]:
    """A signal that goes where recorded positions are."""
    found = routed(p)
    if found is None:
        return ()
    signal, position, others = found
    factors = [e for o in others if (e := bare(o)) is not None]
    form = Unpooled(signal, position)
    return () if len(factors) < len(others) else (Elementwise(*factors, form),) if factors else (form,)


def _sliding(p: Product) -> tuple[Expr, ...]:
    """Of a convolution also the correlation with the kernel turned round."""
    assert p.moved is not None  # there are windows
    moved, kernels = bare(p.moved), [bare(o) for o in p.kernels]
    windows = p.windows
    uniform = all(len({getattr(w, way) for w in windows}) == 1 for way in ("turned", "mirrored", "backwards"))
    if moved is None or None in kernels or len(kernels) > 1 or not uniform or not slides_alone(p.moved):
        return ()
    first = windows[0]
    kernel = next((k for k in kernels if k is not None), None) or ones(p)
    moved = Rotated(moved) if first.mirrored else moved
    moved = _stepped(Apart, moved, [w.spread for w in windows])
    kernel = _stepped(Apart, kernel, [w.dilation for w in windows])
    forms: tuple[Expr, ...] = (Correlated(moved, kernel),)
    if first.turned:
        forms = (Convolved(moved, kernel), *((Correlated(moved, Rotated(kernel)),) if kernels else ()))
    forms = tuple(_stepped(Every, form, [w.stride for w in windows]) for form in forms)
    return tuple(map(Rotated, forms)) if first.backwards else forms


def _stepped(sign: type[Expr], operand: Expr, steps: Sequence[Expr]) -> Expr:
    """``a ↑ s`` and ``a ↓ s``; the operand itself where all steps are 1."""
    different = tuple(dict.fromkeys(steps))
    if different == (1,):
        return operand
    return sign(operand, *(different if len(different) == 1 else steps))


def _plain(p: Product) -> tuple[Expr, ...]:
    """Matrix products, products element by element, elements repeated or put apart."""
    matrices = product_of_matrices(p)
    if len(p.operands) == 1 and not p.summed:
        return _moved(p, p.operands[0]) if permuted(p) else ()
    operands = [e for o in p.operands if (e := bare(o)) is not None]
    matrices = matrices or reshaped_product(p)
    matrices = matrices or total(p)
    if matrices is not None:
        return (matrices,)
    if p.summed or len(operands) < len(p.operands):
        return ()
    if elementwise(p):
        return (Elementwise(*operands),)
    vectors = all(len(o.labels) == 1 for o in p.operands)
    return (Matrices(operands[0], Transposed(operands[1])),) if is_outer_product(p) and vectors else ()


def _moved(p: Product, operand: Operand) -> tuple[Expr, ...]:
    """One tensor or formula as it is, or the elements of a tensor put apart, or read at other places."""
    shown = bare(operand)
    windows = [a for a in operand.axes if isinstance(a, Window)]
    rest = [a for a in operand.axes if not isinstance(a, Window)]
    if not all(a in p.result or isinstance(a, Repeated) for a in rest):
        return ()
    if not windows:
        return (shown,) if shown is not None else ()
    shown = letter(operand)
    shifted = [w for w in windows if w.before != 0]
    apart = [w for w in windows if w not in shifted or w.spread != 1]
    if shown is None or any(w.mirrored for w in windows) or any(w.stride != 1 for w in shifted):
        return ()
    if all(w.spread == 1 for w in windows) and not shifted:
        return ()
    form = _stepped(Apart, shown, [w.spread for w in apart]) if apart else shown
    form = Shifted(form, *(Element(p.name(w.at) - w.before, w.at) for w in shifted)) if shifted else form
    return (_stepped(Every, form, [w.stride for w in apart]) if apart else form,)
