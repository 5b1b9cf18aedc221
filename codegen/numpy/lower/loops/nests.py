"""Form -> Nest: what loops over single elements compute faster than NumPy does, once they are compiled.

Windows with few elements (reductions, products of slices without a matrix product), and their gradients. How the loops
are arranged follows from which indices the target sees:

    gather     all but the taps: every element of the target is one window's
    scatter    taps, too: windows add to positions that they share
    reduce     taps and channels: every element of the target sums up over all windows
"""

from dataclasses import replace

import sympy
from sympy import Expr, Integer, Mul, Symbol

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.loops import LOOPED, Nest, computable
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.products.operands import bracketed_division
from gradscribe.codegen.numpy.lower.slices.taps import brackets, choose_loops
from gradscribe.derive.calculus.collapse import vanishing_accesses
from gradscribe.derive.ir.functions import is_indicator
from gradscribe.derive.ir.index import affine, bounds, sign
from gradscribe.derive.ir.term import Access, Guard, Range, accesses

ONE = Integer(1)

MOST_TAPS = 16
"""Elements of a window without overlap that are taken for one."""


def nest(form: Form, scope: Scope) -> Nest | None:
    """The loops that compute `form` into a new target; None where they are of no use."""
    form = _without_units(form)
    if form.op not in LOOPED or not accesses(form.body) or not computable(form.body, form.indices):
        return None
    if not all(_steps(g, form, scope) for g in form.guards):
        return None
    loops = choose_loops(form, scope) or _few(form)
    vector = _vector(form, scope, loops)
    if vector is None:
        return None
    outer = tuple(r for r in form.box if r.index != vector and r.index not in loops)
    outer = tuple(sorted(outer, key=lambda r: _axis(r.index, form)))
    kind = _kind(form, loops, outer)
    if not kind:
        return None
    body, after = _after(form, loops) if kind == "gather" else (form.body, ONE)
    arrays = dict.fromkeys([form.target.name, *([form.argument.name] if form.argument else [])], form.target.shape)
    arrays |= {a.tensor: scope.tensors[a.tensor].shape for a in accesses(form.body)}
    found = Nest(
        kind,
        form.target.name,
        form.place,
        form.op,
        body,
        after,
        tuple(arrays.items()),
        outer,
        tuple(form.range(v) for v in loops),
        form.range(vector),
        tuple(Guard(b.value, b.extent) for b in brackets(form, scope)),
        form.argument.name if form.argument else "",
        form.position,
    )
    if kind == "reduce":
        found = replace(found, parted=True)
    return found if _clippable(found) else None


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


def within(form: Form, scope: Scope) -> tuple[Guard, ...] | None:
    """What has to hold of sizes so that no access leaves its array where that does not make the summand 0.

    None where that cannot be told by sizes.
    """
    form = _without_units(form)
    vanishing = vanishing_accesses(form.body) if form.is_sum else ()
    safe = {(sympy.expand(g.value), sympy.expand(g.extent)) for g in form.guards}
    safe |= {place for a in vanishing for place in _places(a, scope)}
    loose = {
        (e, extent)
        for a in accesses(form.body)
        for e, extent in _places(a, scope)
        if not scope.inside(e, extent, form) and (e, extent) not in safe
    }
    found: list[Guard] = []
    for e, extent in sorted(loose, key=str):
        ends = bounds(e, {r.index: r.extent for r in form.box})
        if ends is None:
            return None
        found += [Guard(end, extent) for end in ends]
    return tuple(found)


def _places(access: Access, scope: Scope) -> list[tuple[Expr, Expr]]:
    """The positions of an access, each with the extent of its axis."""
    shape = scope.tensors[access.tensor].shape
    return [(sympy.expand(e), sympy.expand(extent)) for e, extent in zip(access.indices, shape, strict=True)]


def _few(form: Form) -> tuple[Symbol, ...]:
    """The indices that are summed over, where these are a known small number of elements: whole windows."""
    number = Mul(*(form.range(v).extent for v in form.contracted))
    return form.contracted if number.is_Integer and int(number) <= MOST_TAPS else ()


def _steps(guard: Guard, form: Form, scope: Scope) -> bool:
    """Whether a bracket surely changes with its indices: it is that of an access, or their factors are no options."""
    read = {place for a in accesses(form.body) for place in _places(a, scope)}
    factors = [c for _, c in affine(guard.value, form.indices).terms]
    return (sympy.expand(guard.value), sympy.expand(guard.extent)) in read or all(c.is_Integer for c in factors)


def _vector(form: Form, scope: Scope, loops: tuple[Symbol, ...]) -> Symbol | None:
    """The index along which the target is contiguous, and every other array is or does not vary."""
    groups = [(form.place, form.target.shape)]
    groups += [(a.indices, scope.tensors[a.tensor].shape) for a in accesses(form.body)]
    last = [e for e, extent in zip(*groups[0], strict=True) if extent != 1]
    for v in affine(last[-1], form.indices).indices if last else ():
        if v not in loops and all(_stride(v, place, shape, form) in (0, 1) for place, shape in groups):
            return v
    return None


def _axis(index: Symbol, form: Form) -> int:
    """The first axis of the target that an index moves along; after all of them for an index that is summed over."""
    return next((k for k, e in enumerate(form.place) if index in e.free_symbols), len(form.place))


def _stride(index: Symbol, place: tuple[Expr, ...], shape: tuple[Expr, ...], form: Form) -> Expr:
    """By how many elements a position moves when `index` increases by one."""
    steps = [affine(e, form.indices).coefficient(index) for e in place]
    return sympy.expand(sum((c * Mul(*shape[k + 1 :]) for k, c in enumerate(steps)), Integer(0)))


def _kind(form: Form, loops: tuple[Symbol, ...], outer: tuple[Range, ...]) -> str:
    summed = {r.index for r in outer} - form.placed
    placed = [v for v in loops if v in form.placed]
    plain = all(e.is_Symbol or e.is_Integer for e in form.place)
    if not loops or not outer:
        return ""
    if summed:
        whole = 1 < len(summed) == len(outer) and len(placed) == len(loops)
        return "reduce" if plain and form.is_sum and whole else ""
    if placed:
        return "scatter" if form.is_sum else ""
    return "gather" if plain else ""


def _clippable(nest: Nest) -> bool:
    """Whether every bracket restricts an index whose coefficient has a known sign, within the loops before it."""
    first = {r.index for r in nest.outer}
    forms = [affine(b.value, nest.order) for b in nest.brackets]
    return all(f.terms and sign(f.terms[-1][1]) != 0 and f.terms[-1][0] not in first for f in forms)


def _after(form: Form, loops: tuple[Symbol, ...]) -> tuple[Expr, Expr]:
    """The factors of a sum that vary with the taps, and the others, which multiply it once; brackets keep theirs."""
    factors = Mul.make_args(form.body)
    outside = [f for f in factors if not f.free_symbols & set(loops)]
    kept = any(is_indicator(f) for f in factors) or any(bracketed_division(f, form) for f in outside)
    if not form.is_sum or kept or len(outside) == len(factors):
        return form.body, ONE
    return Mul(*(f for f in factors if f not in outside)), Mul(*outside)
