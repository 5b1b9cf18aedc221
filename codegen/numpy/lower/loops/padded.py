"""Elements that may lie before an array, and count: read from a copy of it with zeros around.

Where an element outside makes a summand 0, loops leave it out; in max(x + w) and |x - w| it is a 0 like others.
"""

from collections.abc import Collection
from dataclasses import replace

import sympy
from sympy import Expr, Integer

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.slices.taps import lower_taps
from gradscribe.codegen.numpy.plan import Record
from gradscribe.derive.calculus.collapse import vanishing_accesses
from gradscribe.derive.ir.index import bounds, fresh_names
from gradscribe.derive.ir.term import Access, accesses, index_ranges

ZERO = Integer(0)
Axis = tuple[Expr, Expr]
"""A position along an axis, and an extent."""


def padded(form: Form, scope: Scope) -> tuple[Form, tuple[Record, ...]]:
    """`form` that reads such copies, and what makes them."""
    known = left_out(form, scope)
    made: dict[Expr, Expr] = {}
    records: list[Record] = []
    for access in accesses(form.body):
        axes = _axes(access, known, form, scope)
        if any(first != 0 for first, _ in axes):
            made[access], copied = _copy(access, axes, scope)
            records += copied
    return replace(form, body=form.body.xreplace(made)), tuple(records)


def left_out(form: Form, scope: Scope) -> set[Axis]:
    """Positions along axes, and their extents, where nothing is added up, or compared, outside of the axis."""
    vanishing = vanishing_accesses(form.body) if form.is_sum else ()
    guarded = {(sympy.expand(g.value), sympy.expand(g.extent)) for g in form.guards}
    return guarded.union(*(places(a, scope) for a in vanishing))


def places(access: Access, scope: Scope) -> list[Axis]:
    """The positions of an access, each with the extent of its axis."""
    shape = scope.tensors[access.tensor].shape
    return [(sympy.expand(e), sympy.expand(extent)) for e, extent in zip(access.indices, shape, strict=True)]


def _axes(access: Access, known: Collection[Axis], form: Form, scope: Scope) -> list[Axis]:
    """Where a copy begins along each axis, and how long it is there: longer where positions may be less than 0.

    () where these cannot be told.
    """
    found: list[Axis] = []
    for e, extent in places(access, scope):
        ends = bounds(e, {r.index: r.extent for r in form.box})
        if (e, extent) in known or scope.stays(e, extent, form):
            found.append((ZERO, extent))
        elif ends is None:
            return []
        else:
            low, high = ends
            found.append((ZERO, extent) if low.is_nonnegative else (low, sympy.expand(high - low + 1)))
    return found


def _copy(access: Access, axes: list[Axis], scope: Scope) -> tuple[Access, list[Record]]:
    """What is read of a copy instead, and what makes it."""
    first, extents = zip(*axes, strict=True)
    source = scope.tensors[access.tensor]
    made = scope.declare(f"{source.name}_padded", extents, source.integer)
    box = index_ranges((name for name, _ in zip(fresh_names(()), extents, strict=False)), extents)
    place = tuple(r.index for r in box)
    moved = (v + low for v, low in zip(place, first, strict=True))
    records = lower_taps(Form(made, place, box, Access(source.name, *moved)), scope, fresh=True)
    shifted = (sympy.expand(e - low) for e, low in zip(access.indices, first, strict=True))
    return Access(made.name, *shifted), records
