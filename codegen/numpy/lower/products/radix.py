"""Axes that consist of digits: ``K*g + k`` with k < K is one axis of two, so a reshape replaces arithmetic.

Groups, flattening, non-overlapping windows and pixel shuffles are of this kind. Splitting an axis never copies.
"""

from collections.abc import Iterable
from dataclasses import replace

from sympy import Expr

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.plan import Record, Split
from gradscribe.derive.ir.term import Access, Tensor, accesses


def split_axes(form: Form, scope: Scope) -> tuple[Form, list[Record]]:
    """`form` with every such axis of its accesses split; returns the views needed too."""
    records: list[Record] = []
    mapping: dict[Expr, Expr] = {}
    for access in accesses(form.body):
        tensor = scope.tensors[access.tensor]
        digits = _digits(zip(access.indices, tensor.shape, strict=True), form)
        if digits is None:
            continue
        view = scope.declare(f"{tensor.name}_", [e for _, e in digits], tensor.integer)
        records.append(Split(view.name, tensor.name, view.shape))
        mapping[access] = Access(view.name, *(v for v, _ in digits))
    return replace(form, body=form.body.xreplace(mapping)), records


def split_target(form: Form, scope: Scope) -> tuple[Form, Split | None]:
    """`form` with the target's axes split, without those of one element, which is written.

    The view, if there is one, must be made of the allocated target.
    """
    own = [*zip(form.place, form.target.shape, strict=True)]
    wide = [axis for axis in own if axis != (0, 1)] or own
    digits = _digits(wide, form)
    if digits is None and wide == own:
        return form, None
    digits = digits or wide
    view = scope.declare(f"{form.target.name}_", [e for _, e in digits])
    place = tuple(v for v, _ in digits)
    record = Split(view.name, form.target.name, view.shape)
    argument = form.argument and Tensor(form.argument.name, view.shape, integer=True)
    return replace(form, target=view, place=place, argument=argument), record


def _digits(axes: Iterable[tuple[Expr, Expr]], form: Form) -> list[tuple[Expr, Expr]] | None:
    """(index, extent) per axis after splitting, where (position, extent) is given; None when none has digits."""
    found: list[tuple[Expr, Expr]] = []
    changed = False
    for expression, extent in axes:
        digits = form.digits(expression, extent)
        changed |= digits is not None
        found += digits if digits is not None else [(expression, extent)]
    return found if changed else None
