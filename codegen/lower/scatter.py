"""Blocks along an outer index: what a scatter computes first stays in cache and does not grow with the batch."""

from collections.abc import Callable
from dataclasses import replace

import sympy
from sympy import Expr, Integer

from codegen.form import Form
from codegen.lower.scope import Scope
from codegen.plan import Block, Record
from derive.index import affine, integer
from derive.term import Access, Range, accesses


def blocked(form: Form, scope: Scope, lower: Callable[[Form, Scope], list[Record]]) -> Block | None:
    """Lower `form` in blocks of its first index that is a whole axis of the target; None when there is none."""
    index = next((affine(e, form.indices).plain() for e in form.place[:1]), None)
    if index is None or not form.contracted or not scope.fits(form.place[0], form.target.shape[0], form):
        return None
    extent = form.range(index).extent
    block = integer(_block_name(scope))
    slices: list[tuple[str, str, int]] = []
    mapping: dict[Expr, Expr] = {}
    for access in accesses(form.body):
        axes = [k for k, e in enumerate(access.indices) if index in e.free_symbols]
        if not axes:
            continue
        source = scope.tensors[access.tensor]
        if len(axes) > 1 or access.indices[axes[0]] != index or not scope.extent_matches(source.shape[axes[0]], extent):
            return None
        name = _slice(source.name, axes[0], block, slices, scope)
        mapping[access] = Access(name, *access.indices)
    if any(index in e.free_symbols for e in form.place[1:]) or any(index in g.value.free_symbols for g in form.guards):
        return None
    target = scope.tensors[_slice(form.target.name, 0, block, slices, scope, form.target.shape)]
    visible = [r for r in form.box if r.index in form.placed and r.index != index]
    inner = replace(
        form,
        target=target,
        box=tuple(Range(r.index, block) if r.index == index else r for r in form.box),
        body=form.body.xreplace(mapping),
    )
    elements = sympy.prod([r.extent for r in visible], start=Integer(1))
    return Block(extent, block, tuple(slices), elements, tuple(lower(inner, scope)))


def _block_name(scope: Scope) -> str:
    number = next(k for k in range(1, 1000) if f"block{k}" not in scope.taken)
    scope.taken.add(f"block{number}")
    return f"block{number}"


def _slice(
    source: str,
    axis: int,
    block: Expr,
    slices: list[tuple[str, str, int]],
    scope: Scope,
    shape: tuple[Expr, ...] | None = None,
) -> str:
    """The name of the block of `source` along `axis`, declared once."""
    for name, known, known_axis in slices:
        if (known, known_axis) == (source, axis):
            return name
    extents = list(shape if shape is not None else scope.tensors[source].shape)
    extents[axis] = block
    integer_valued = source in scope.tensors and scope.tensors[source].integer
    name = scope.declare(f"{source}_block", extents, integer_valued).name
    slices.append((name, source, axis))
    return name
