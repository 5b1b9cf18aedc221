"""Windows that are reduced, or filled, axis after axis: pooling, its gradients, and all that looks like them.

A reduction over a box of taps, of what depends on the taps by its position alone, is taken along one axis
and then along the next. The adjoint gives a window's value to all its elements, or to that at a recorded position.
"""

from dataclasses import replace
from itertools import islice

from sympy import Dummy, Expr, Integer, Mul

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.products.operands import bracketed_division
from gradscribe.codegen.numpy.lower.slices.filled_windows import ends, is_large, is_window, lower_spread
from gradscribe.codegen.numpy.lower.slices.taps import lower_taps, pointwise, window
from gradscribe.codegen.numpy.plan import Allocate, Record, Reduce, Scale
from gradscribe.derive.calculus.collapse import vanishing_accesses
from gradscribe.derive.ir.functions import admitted
from gradscribe.derive.ir.index import affine, fresh_names
from gradscribe.derive.ir.term import Access, accesses, index_ranges, position

FEW = 16
"""Elements of windows that are looped over rather than made axes of their own where they do not overlap."""


def is_small(form: Form, scope: Scope) -> bool:
    """Whether windows have few elements, none of which are neighbours in memory: slices of them are long runs."""
    groups = (form.place, *(a.indices for a in accesses(form.body)))
    parts = [[affine(e, form.indices) for e in group] for group in groups if group]
    within = {v for group in parts for p in group if len(p.terms) > 1 for v, c in p.terms if c == 1}
    runs = all(len(group[-1].terms) < 2 for group in parts)
    return bool(within) and runs and scope.volume([form.range(v) for v in within]) <= FEW


def lower_windows(form: Form, scope: Scope, fresh: bool) -> list[Record] | None:
    """Lower `form` to windows reduced or filled; None where it is neither."""
    if all(scope.fits(e, s, form) and not e.is_Integer for e, s in zip(form.place, form.target.shape, strict=True)):
        return _reduced(form, scope) if fresh else None
    return lower_spread(form, scope, fresh) if form.is_sum else None


# ----- reductions ---------------------------------------------------------------------------------------------------
def _reduced(form: Form, scope: Scope) -> list[Record] | None:
    taps = tuple(form.range(v) for v in form.contracted)
    inside, outside = _apart(form) if form.is_sum else (form.body, Integer(1))
    read = accesses(inside)
    if isinstance(inside, admitted) or len(read) != 1 or not is_window(read[0].indices, form, set(form.contracted)):
        return None
    access = read[0]
    if inside.xreplace({access: Dummy()}).free_symbols & set(form.indices):
        return None
    if not _leaves_out_the_outside(form, access, scope):
        return None
    kept = tuple(form.range(affine(e, form.indices).indices[0]) for e in form.place)
    if len(set(kept)) < len(kept) or (form.argument is not None and form.position != position(taps)):
        return None
    if bracketed_division(outside, form) or not all(scope.plain(a, form) for a in accesses(outside)):
        return None
    made, records = _elementwise(inside, access, scope)
    described, view = window(made, replace(form, box=(*kept, *taps)), scope, described=True)
    records += [view, Allocate(form.target.name, form.target.shape, None)]
    if form.argument is not None:
        records.append(Allocate(form.argument.name, form.argument.shape, None, integer=True))
    argument = form.argument.name if form.argument is not None else None
    scale = pointwise(Form(form.target, form.place, kept, outside)) if outside != 1 else None
    reduced = Reduce(form.target.name, form.op, described.tensor, kept, taps, scale, argument)
    if scale is not None and is_large(outside, kept):
        return [*records, replace(reduced, scale=None), Scale(scale)]
    return [*records, reduced]


def _apart(form: Form) -> tuple[Expr, Expr]:
    """The factors that see what is summed over, and the others."""
    factors = Mul.make_args(form.body)
    inside = [f for f in factors if f.free_symbols & set(form.contracted)]
    return Mul(*inside), Mul(*(f for f in factors if f not in inside))


def _leaves_out_the_outside(form: Form, access: Access, scope: Scope) -> bool:
    """Whether elements outside of the array read do not count, and all others do."""
    shape = scope.tensors[access.tensor].shape
    sides = ends(access.indices, shape)
    guarded = ends([g.value for g in form.guards], [g.extent for g in form.guards])
    loose = [end for end, e, n in zip(sides, access.indices, shape, strict=True) if not scope.stays(e, n, form)]
    vanishes = form.is_sum and access in vanishing_accesses(form.body)
    return set(guarded) <= set(sides) and (vanishes or set(loose) <= set(guarded))


def _elementwise(inside: Expr, access: Access, scope: Scope) -> tuple[Access, list[Record]]:
    """What is reduced as an array of its own, computed once per element and not once per window."""
    if inside == access:
        return access, []
    source = scope.tensors[access.tensor]
    box = tuple(index_ranges(islice(fresh_names(set()), len(source.shape)), source.shape))
    place = tuple(r.index for r in box)
    made = scope.declare("factor", source.shape)
    form = Form(made, place, box, inside.xreplace({access: Access(source.name, *place)}))
    return Access(made.name, *access.indices), lower_taps(form, scope, fresh=True)
