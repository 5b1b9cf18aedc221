"""Axes that consist of digits: ``K*g + k`` with k < K is one axis of two, so a reshape replaces arithmetic.

Groups, flattening, non-overlapping windows and pixel shuffles are of this kind. Splitting an axis never copies.
"""

from dataclasses import replace

import sympy
from sympy import Expr, Integer

from gradscribe.codegen.form import Form
from gradscribe.codegen.lower.scope import Scope
from gradscribe.codegen.plan import Record, Split
from gradscribe.derive.index import affine
from gradscribe.derive.term import Access, Tensor, accesses


def split_axes(form: Form, scope: Scope) -> tuple[Form, list[Record]]:
    """`form` with every such axis of its accesses split; returns the views needed too."""
    records: list[Record] = []
    mapping: dict[Expr, Expr] = {}
    for access in accesses(form.body):
        tensor = scope.tensors[access.tensor]
        digits = _digits(access.indices, tensor.shape, form)
        if digits is None:
            continue
        view = scope.declare(f"{tensor.name}_", [e for _, e in digits], tensor.integer)
        records.append(Split(view.name, tensor.name, view.shape))
        mapping[access] = Access(view.name, *(v for v, _ in digits))
    return replace(form, body=form.body.xreplace(mapping)), records


def split_target(form: Form, scope: Scope) -> tuple[Form, Split | None]:
    """`form` with the target's axes split; the view, if there is one, must be made of the allocated target."""
    digits = _digits(form.place, form.target.shape, form)
    if digits is None:
        return form, None
    view = scope.declare(f"{form.target.name}_", [e for _, e in digits])
    place = tuple(v for v, _ in digits)
    record = Split(view.name, form.target.name, view.shape)
    argument = form.argument and Tensor(form.argument.name, view.shape, integer=True)
    return replace(form, target=view, place=place, argument=argument), record


def _digits(positions: tuple[Expr, ...], shape: tuple[Expr, ...], form: Form) -> list[tuple[Expr, Expr]] | None:
    """(index, extent) per axis after splitting; None when no axis consists of digits."""
    found: list[tuple[Expr, Expr]] = []
    changed = False
    for expression, extent in zip(positions, shape, strict=True):
        digits = _axis_digits(expression, extent, form)
        changed |= digits is not None
        found += digits if digits is not None else [(expression, extent)]
    return found if changed else None


def _axis_digits(expression: Expr, extent: Expr, form: Form) -> list[tuple[Expr, Expr]] | None:
    parts = affine(expression, form.indices)
    if parts.offset != 0 or len(parts.terms) < 2:
        return None
    rest = dict(parts.terms)
    base: Expr = Integer(1)
    digits: list[tuple[Expr, Expr]] = []
    while rest:
        index = next((v for v, c in rest.items() if sympy.expand(c - base) == 0), None)
        if index is None:
            return None
        digits.append((index, form.range(index).extent))
        base = sympy.expand(base * digits[-1][1])
        del rest[index]
    return digits[::-1] if sympy.expand(base - extent) == 0 else None
