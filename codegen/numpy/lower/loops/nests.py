"""Form -> Nest: what loops over single elements compute faster than NumPy does, once they are compiled.

Windows with few elements (reductions, products of slices without a matrix product), and their gradients; sums of what
is no product, for which NumPy computes all summands before it adds them up, and of products that are none of matrices.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import sympy
from sympy import Add, Expr, Integer, Mul, Symbol

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.loops import LOOPED, Nest, computable
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.indirect.lookup import looks_up
from gradscribe.codegen.numpy.lower.loops.loop_order import LoopOrder, is_plain, of_sums, of_windows
from gradscribe.codegen.numpy.lower.loops.padded import left_out, padded, places
from gradscribe.codegen.numpy.lower.loops.passes.set_apart import Apart
from gradscribe.codegen.numpy.lower.products.operands import bracketed_division
from gradscribe.codegen.numpy.lower.products.separate import few_taps, is_separate
from gradscribe.codegen.numpy.lower.slices.taps import brackets, multiplies
from gradscribe.codegen.numpy.plan import Record
from gradscribe.derive.ir.functions import is_indicator
from gradscribe.derive.ir.index import affine, bounds, sign
from gradscribe.derive.ir.term import Guard, accesses

ONE = Integer(1)


@dataclass(frozen=True)
class Found:
    """The loops that compute a form, what makes arrays `before` that they read, and what has to hold of sizes."""

    nest: Nest
    before: tuple[Record, ...] = ()
    inside: tuple[Guard, ...] = ()


def loops(form: Form, scope: Scope, fresh: bool) -> Found | None:
    """The loops that compute `form` into its target, a new one or one that it adds to; None where there are none."""
    form = _without_units(form)
    if form.op not in LOOPED or not accesses(form.body) or not all(_steps(g, form, scope) for g in form.guards):
        return None
    whole, copies = padded(form, scope)
    found = (_over_windows(whole, scope) if fresh else None) or _over_sums(whole, scope, fresh)
    inside = _inside(whole, scope) if found else None
    if found is None or inside is None:
        return None
    return replace(found, before=(*copies, *found.before), inside=(*inside, *few_taps(whole, scope)))


def _over_windows(form: Form, scope: Scope) -> Found | None:
    """Loops over windows."""
    order = of_windows(form, scope) if computable(form.body, form.indices) else None
    if order is None:
        return None
    nest = _nest(form, order, scope)
    return Found(nest) if _clips_inside(nest) else None


def _over_sums(form: Form, scope: Scope, fresh: bool) -> Found | None:
    """Loops over all that the target does not see, for each of its elements."""
    if looks_up(form, scope) or (multiplies(form.body) and not is_separate(form, scope)):
        return None
    order = of_sums(form, scope)
    if order is None or not (fresh or form.is_sum):
        return None
    apart = Apart(form, order.indices, scope, along_rows=False)
    inside = replace(form, body=apart.taken(_common_factors(form.body)))
    nest = replace(_nest(inside, order, scope), adds=not fresh or not is_plain(form))
    fits = _clips_inside(nest) if nest.kind == "gather" else _clips_sums(nest)
    return Found(nest, tuple(apart.records)) if fits and computable(inside.body, form.indices) else None


def _nest(form: Form, order: LoopOrder, scope: Scope) -> Nest:
    """The loops of a form in that order."""
    once = order.kind in ("gather", "result_rows", "summed_rows")
    body, after = _after(form, {*order.inner} - form.placed) if once else (form.body, ONE)
    arrays = dict.fromkeys([form.target.name, *([form.argument.name] if form.argument else [])], form.target.shape)
    arrays |= {a.tensor: scope.tensors[a.tensor].shape for a in accesses(form.body)}
    return Nest(
        order.kind,
        form.target.name,
        form.place,
        form.op,
        body,
        after,
        tuple(arrays.items()),
        order.outer,
        order.taps,
        order.vector,
        tuple(_restricting(form, scope)),
        form.argument.name if form.argument else "",
        form.position,
        parted=order.kind == "reduce",
    )


def _restricting(form: Form, scope: Scope) -> Iterator[Guard]:
    """The brackets outside of which nothing counts; of all others `_inside` says what it takes that they hold."""
    known = left_out(form, scope)
    known |= {(sympy.expand(e), sympy.expand(extent)) for e, extent in zip(form.place, form.target.shape, strict=True)}
    for bracket in brackets(form, scope):
        if (sympy.expand(bracket.value), sympy.expand(bracket.extent)) in known:
            yield Guard(bracket.value, bracket.extent)


def _without_units(form: Form) -> Form:
    """`form` without indices that have one value."""
    zero: dict[Expr, Expr] = {r.index: Integer(0) for r in form.box if r.extent == 1}
    if not zero:
        return form
    return Form(
        form.target,
        tuple(e.xreplace(zero) for e in form.place),
        tuple(r for r in form.box if r.index not in zero),
        form.body.xreplace(zero),
        tuple(g.substitute(zero) for g in form.guards),
        form.op,
        form.argument,
        form.position.xreplace(zero),
    )


def _inside(form: Form, scope: Scope) -> tuple[Guard, ...] | None:
    """What has to hold of sizes so that no access leaves its array where that does not make the summand 0.

    None where that cannot be told by sizes.
    """
    known = left_out(form, scope)
    loose = {
        (e, extent)
        for a in accesses(form.body)
        for e, extent in places(a, scope)
        if not scope.inside(e, extent, form) and (e, extent) not in known
    }
    found: list[Guard] = []
    for e, extent in sorted(loose, key=str):
        ends = bounds(e, {r.index: r.extent for r in form.box})
        if ends is None:
            return None
        found += [Guard(end, extent) for end in ends]
    return tuple(found)


def _steps(guard: Guard, form: Form, scope: Scope) -> bool:
    """Whether a bracket surely changes with its indices: it is that of an access, or their factors are no options."""
    read = {place for a in accesses(form.body) for place in places(a, scope)}
    factors = [c for _, c in affine(guard.value, form.indices).terms]
    return (sympy.expand(guard.value), sympy.expand(guard.extent)) in read or all(c.is_Integer for c in factors)


def _clips_inside(nest: Nest) -> bool:
    """Whether every bracket restricts an index whose coefficient has a known sign, within the loops before it."""
    first = {r.index for r in nest.outer}
    forms = [affine(b.value, nest.order) for b in nest.brackets]
    return all(f.terms and sign(f.terms[-1][1]) != 0 and f.terms[-1][0] not in first for f in forms)


def _clips_sums(nest: Nest) -> bool:
    """Whether every bracket restricts an index whose coefficient has a known sign, or elements of the target."""
    outer = {r.index for r in nest.outer}
    found = [affine(b.value, nest.order).terms for b in nest.brackets]
    return all(terms and (terms[-1][0] in outer or sign(terms[-1][1]) != 0) for terms in found)


def _common_factors(body: Expr) -> Expr:
    """A product whose numbers are one factor, those that summands of a factor have in common among them."""
    parts = [f.primitive() if isinstance(f, Add) else (ONE, f) for f in Mul.make_args(body)]
    return Mul(*(number for number, _ in parts), *(f for _, f in parts))


def _after(form: Form, moving: Iterable[Symbol]) -> tuple[Expr, Expr]:
    """The factors of a sum that vary with what is summed over, and the others, which multiply it once.

    Brackets keep theirs.
    """
    factors = Mul.make_args(form.body)
    outside = [f for f in factors if not f.free_symbols & set(moving)]
    kept = any(is_indicator(f) for f in factors) or any(bracketed_division(f, form) for f in outside)
    if not form.is_sum or kept or len(outside) == len(factors):
        return form.body, ONE
    return Mul(*(f for f in factors if f not in outside)), Mul(*outside)
