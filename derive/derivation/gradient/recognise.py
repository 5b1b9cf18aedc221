"""What a collapsed gradient is called, read off the signs of its indices.

In an access index ``a*v + b*q`` with v summed and q free, equal signs of a and b make a correlation, opposite ones a
convolution: the kernel is rotated by pi. A divisibility bracket is left by a stride: transposed convolution. With no
such index it is a contraction. No layer is known here.
"""

from collections.abc import Sequence

import sympy
from sympy import Expr, Symbol, pi

from gradscribe.derive.calculus.collapse import vanishing_accesses
from gradscribe.derive.derivation.notation import Notation
from gradscribe.derive.derivation.record import Equals, Words, joined
from gradscribe.derive.ir.functions import equal
from gradscribe.derive.ir.index import Affine, affine, floordiv, mod, sign
from gradscribe.derive.ir.term import Access, Program, Term, accesses

ROTATED = " rotated by "
"""Part of every name that speaks of a rotated kernel."""


def recognise(terms: Sequence[Term], notation: Notation, program: Program) -> Words:
    """The name of a sum of terms, as words."""
    if len(terms) > 1:
        return (f"sum of {len(terms)} contributions",)
    (term,) = terms
    factors = vanishing_accesses(term.body)
    gradients = [a for a in factors if notation.is_gradient(a.tensor)]
    gradients = gradients or [a for a in factors if a.tensor in notation.dots]
    tensors = sorted((a for a in factors if a not in gradients), key=lambda a: notation.rank(a.tensor))
    signs = [s for a in factors for s in mixed_signs(a, term)]
    routed = _routed(term, program)
    if not gradients:
        return _collected(tensors, term, notation)
    signal, others = gradients[0], [*gradients[1:], *tensors]
    if routed is not None:
        return _routing(signal, routed, term, signal.tensor in notation.dots)
    shared = _shared(term, program)
    if shared is not None:
        return (_name(signal), *_divided(term), " passed back to where ", shared, *_summed(term))
    along = [a for a in others if _moves_along(a, signal, term)]
    apart = [a for a in (signal, *others) if a not in along]
    if term.divisibilities or term.deltas:
        return ("transposed convolution of ", *_product(signal, along), *_divided(term), *_kernel(apart[1:], term))
    if signs and all(s < 0 for s in signs):
        moved = next(a for a in factors if a not in along and mixed_signs(a, term))
        fixed = [a for a in apart if a is not moved]
        kernel: Words = (" with the kernel ", *_kernel(fixed, term)[1:]) if fixed else _kernel(fixed, term)
        rotated: Words = (ROTATED, pi) if fixed else ()
        also = " and dilated by " if fixed else " dilated by "
        dilated: Words = (also, *joined(_coefficients(moved, term))) if _coefficients(moved, term) else ()
        return ("full convolution of ", *_product(moved, along), *_divided(term), *kernel, *rotated, *dilated)
    if signs and all(s > 0 for s in signs):
        moved = next(a for a in factors if a not in along and mixed_signs(a, term))
        fixed = [a for a in apart if a is not moved]
        steps = _coefficients(moved, term)
        return (
            "correlation of ",
            *_product(moved, along),
            *_kernel(fixed, term),
            *((" dilated by ", *joined(steps)) if steps and fixed else ()),
        )
    if signs:
        return ("convolution along some axes, correlation along others",)
    if any(e.has(floordiv, mod) for a in factors for e in a.indices):
        return _rearranged(signal, others, term)
    if not term.bound:
        return _pointwise(
            signal, term, [a for a in others if notation.is_gradient(a.tensor) or a.tensor in notation.dots]
        )
    return _contraction(signal, others, term)


def _collected(factors: Sequence[Access], term: Term, notation: Notation) -> Words:
    """Gradients in a sum behind common factors, if there are any."""
    signals = list(dict.fromkeys(_name(a) for a in accesses(term.body) if notation.is_gradient(a.tensor)))
    if not signals or term.bound:
        return ("independent of the output's gradient",) if not signals else ("contraction of a sum of gradients",)
    return (*joined([_name(a) for a in factors], " and "), " times the sum of ", *joined(signals, " and "))


def mixed_signs(access: Access, term: Term) -> list[int]:
    """Per axis whose index mixes summed and free indices, the product of the signs of their coefficients.

    Digits such as ``C*g + c`` with c < C are two axes in one, and no window.
    """
    free, bound = {r.index for r in term.free}, {r.index for r in term.bound}
    found = []
    for expression in access.indices:
        if expression.has(sympy.Function):
            continue
        form = affine(expression, term.indices)
        if _digits(form, term):
            continue
        outside = [sign(c) for v, c in form.terms if v in free]
        inside = [sign(c) for v, c in form.terms if v in bound]
        if outside and inside:
            found.append(outside[0] * inside[0])
    return found


def _moves_along(other: Access, signal: Access, term: Term) -> bool:
    """Whether an access is at the signal's places in a window: it multiplies the signal and is no kernel."""
    free, bound = {r.index for r in term.free}, {r.index for r in term.bound}
    mixed = any(e.free_symbols & free and e.free_symbols & bound for e in other.indices)
    return mixed and set(other.indices) <= set(signal.indices)


def _product(moved: Access, along: Sequence[Access]) -> Words:
    """What moves through windows, and what multiplies it there."""
    return joined([_name(a) for a in (moved, *along)], " times ")


def _digits(form: Affine, term: Term) -> bool:
    """Whether the indices are digits of one number: each coefficient is the product of the lower extents."""
    weight: Expr = sympy.Integer(1)
    rest = dict(form.terms)
    while rest:
        index = next((v for v, c in rest.items() if sympy.expand(c - weight) == 0), None)
        if index is None:
            return False
        weight *= term.extent(index)
        del rest[index]
    return form.offset == 0


def _coefficients(moved: Access, term: Term) -> list[Expr]:
    """The coefficients of summed indices other than 1 and -1: they dilate the operand that is summed over."""
    bound = [r.index for r in term.bound]
    plain = [e for e in moved.indices if not e.has(sympy.Function)]
    found = dict.fromkeys(affine(e, term.indices).coefficient(v) for e in plain for v in bound)
    return list(dict.fromkeys(-c if sign(c) < 0 else c for c in found if c not in (0, 1, -1)))


def _name(access: Access) -> Access:
    """The tensor itself, in a sentence."""
    return Access(access.tensor)


def _kernel(others: Sequence[Access], term: Term) -> Words:
    """What the moved operand is combined with."""
    if others:
        return (" with ", *joined([_name(a) for a in others], " and "))
    weight = _constant(term)
    return (" with a kernel of ones",) if weight == 1 else (" with the constant kernel ", weight)


def _divided(term: Term) -> Words:
    """The tensors that the signal is divided by, such as the counts of a window."""
    inverse = [f for f in sympy.Mul.make_args(term.body) if f.is_Pow and f.exp.is_number and f.exp < 0]
    below = [a for f in inverse for a in accesses(f)]
    return (" divided by ", *joined([_name(a) for a in below], " and ")) if below else ()


def _constant(term: Term) -> Expr:
    """The factors without any access."""
    return sympy.Mul(*(f for f in sympy.Mul.make_args(term.body) if not accesses(f)))


def _routed(term: Term, program: Program) -> Access | None:
    """The recorded argument of an extremum that decides which summands count."""
    tensors = program.tensors
    for bracket in sorted(term.body.atoms(equal), key=sympy.default_sort_key):
        for access in accesses(bracket):
            recorded = any(s.argument is not None and s.argument.name == access.tensor for s in program.statements)
            if recorded or (
                access.tensor in tensors
                and tensors[access.tensor].integer
                and bracket in sympy.Mul.make_args(term.body)
            ):
                return access
    return None


def _shared(term: Term, program: Program) -> Expr | None:
    """Which tensor must equal its extremum for a summand to count."""
    for bracket in sorted(term.body.atoms(equal), key=sympy.default_sort_key):
        pair = [a for a in bracket.args if isinstance(a, Access) and not program.tensors[a.tensor].integer]
        if len(pair) == 2 and bracket in sympy.Mul.make_args(term.body):
            return Equals(*(_name(a) for a in pair))
    return None


def _routing(signal: Access, argument: Access, term: Term, forward: bool) -> Words:
    if forward:
        return (_name(signal), " where ", _name(argument), " points", *_summed(term))
    return (_name(signal), " passed back to where ", _name(argument), " points", *_summed(term))


def _summed(term: Term) -> Words:
    if not term.bound:
        return ()
    return (", summed over ", *joined([r.index for r in term.bound]))


def _rearranged(signal: Access, others: Sequence[Access], term: Term) -> Words:
    places = [e for a in (signal, *others) for e in a.indices]
    if not term.bound and any(e.has(floordiv) for e in signal.indices) and not any(e.has(mod) for e in places):
        what: Words = (" times ", *joined([_name(a) for a in others], " and ")) if others else ()
        return ("upsampling of ", _name(signal), *what)
    kind = "contraction within groups of " if term.bound else "rearrangement of "
    return (kind, _name(signal), *(_kernel(others, term) if others else ()))


def _pointwise(signal: Access, term: Term, signals: Sequence[Access]) -> Words:
    if signals:
        return (*joined([_name(a) for a in (signal, *signals)], " times "), " times a factor, element by element")
    plain = all(isinstance(e, Symbol) for e in signal.indices)
    if term.body == signal:
        return (_name(signal), " itself") if plain else ("the elements of ", _name(signal), " put back in their places")
    if not signal.indices:
        return ("element by element",)
    return (_name(signal), " times the slope, element by element")


def _contraction(signal: Access, others: Sequence[Access], term: Term) -> Words:
    if not others:
        weighted = set(accesses(term.body)) - {signal}
        return ("weighted sum of " if weighted else "sum of ", _name(signal))
    product = _matrix_product(signal, others, term)
    if product:
        return product
    over = joined([r.index for r in term.bound])
    return ("contraction of ", _name(signal), *_kernel(others, term), " over ", *over)


def _matrix_product(signal: Access, others: Sequence[Access], term: Term) -> Words:
    """``delta w^T`` when two matrices share one summed index."""
    operands = [signal, *others]
    if len(operands) != 2 or len(term.bound) != 1 or len(term.free) != 2:
        return ()
    row, column, inner = term.free[0].index, term.free[1].index, term.bound[0].index
    left = next((a for a in operands if set(a.indices) == {row, inner}), None)
    right = next((a for a in operands if set(a.indices) == {inner, column}), None)
    if left is None or right is None:
        return ()
    return (
        "matrix product ",
        _name(left) if left.indices == (row, inner) else Transposed(_name(left)),
        " ",
        _name(right) if right.indices == (inner, column) else Transposed(_name(right)),
    )


class Transposed(Expr):
    """The transpose of a matrix, in a sentence."""
