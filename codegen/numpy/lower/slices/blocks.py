"""Blocks along an index: what is computed before it is added up stays in cache and does not grow with the arrays."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.plan import Block, Record
from gradscribe.derive.ir.index import affine, integer
from gradscribe.derive.ir.term import Access, Range, Tensor, accesses

Lower = Callable[[Form, Scope], list[Record]]


def scattered(form: Form, scope: Scope, lower: Lower) -> list[Record]:
    """Lower a scatter in blocks of its first index if that is a whole axis of the target; else as a whole."""
    index = next((affine(e, form.indices).plain() for e in form.place[:1]), None)
    if index is None or not form.contracted:
        return lower(form, scope)
    visible = [r for r in form.box if r.index in form.placed and r.index != index]
    block = along(index, form, visible, scope, lower)
    return lower(form, scope) if block is None else [block]


def summed(form: Form, scope: Scope, lower: Lower) -> list[Record]:
    """Lower a reduction whose summands are more than its arrays have elements in blocks, one within the other.

    They go along two indices: a block of the inner one holds the summands of few results.
    """
    return _summed(form, scope, lower, (), 2)


def _summed(form: Form, scope: Scope, lower: Lower, done: tuple[Symbol, ...], depth: int) -> list[Record]:
    for index in cuttable(form) if depth else ():
        if index in done:
            continue

        def within(part: Form, scope: Scope, index: Symbol = index) -> list[Record]:
            return _summed(part, scope, lower, (*done, index), depth - 1)

        others = [r for r in form.box if r.index not in (index, *done)]
        block = along(index, form, others, scope, within)
        if block is not None:
            return [block]
    return lower(form, scope)


def cuttable(form: Form) -> Iterator[Symbol]:
    """The indices of the target, then those summed over; positions of extrema are counted along these."""
    yield from (v for e in form.place if (v := affine(e, form.indices).plain()) is not None)
    yield from form.contracted if form.argument is None else ()


def along(index: Symbol, form: Form, others: list[Range], scope: Scope, lower: Lower) -> Block | None:
    """Blocks of `index`; None unless it is a whole axis of all that it stands on. `others` count per unit of it."""
    extent = form.range(index).extent
    counted = form.position.free_symbols if form.argument is not None else set()
    if index in _bare(form.body) | counted or any(index in g.value.free_symbols for g in form.guards):
        return None
    sliced = _axes(index, form, extent, scope)
    if sliced is None:
        return None
    cut = _Slices(integer(_block_name(scope)), scope)
    mapping = {a: Access(cut.name(a.tensor, axis), *a.indices) for a, axis in sliced.items()}
    placed = next((k for k, e in enumerate(form.place) if e == index), None)

    def part(tensor: Tensor) -> Tensor:
        return tensor if placed is None else scope.tensors[cut.name(tensor.name, placed, tensor)]

    inner = replace(
        form,
        target=part(form.target),
        argument=form.argument and part(form.argument),
        box=tuple(Range(r.index, cut.block) if r.index == index else r for r in form.box),
        body=form.body.xreplace(mapping),
    )
    elements = sympy.prod([r.extent for r in others], start=Integer(1))
    return Block(extent, cut.block, tuple(cut.known), elements, tuple(lower(inner, scope)))


def _bare(body: Expr) -> set[Expr]:
    """The symbols of a body that stand in no subscript."""
    found, nodes = set(), sympy.preorder_traversal(body)
    for node in nodes:
        if isinstance(node, Access):
            nodes.skip()
        elif node.is_Symbol:
            found.add(node)
    return found


def _axes(index: Symbol, form: Form, extent: Expr, scope: Scope) -> dict[Access, int] | None:
    """The axis of every access that has `index`; None where one, or the target, has it otherwise than as a whole."""
    found = {}
    for access in accesses(form.body):
        axes = [k for k, e in enumerate(access.indices) if index in e.free_symbols]
        if axes:
            shape = scope.tensors[access.tensor].shape
            if not _is_whole(index, extent, access.indices, shape, scope):
                return None
            found[access] = axes[0]
    seen = any(index in e.free_symbols for e in form.place)
    if seen and not _is_whole(index, extent, form.place, form.target.shape, scope):
        return None
    return found


def _is_whole(index: Symbol, extent: Expr, place: tuple[Expr, ...], shape: tuple[Expr, ...], scope: Scope) -> bool:
    axes = [k for k, e in enumerate(place) if index in e.free_symbols]
    return len(axes) == 1 and place[axes[0]] == index and scope.extent_matches(shape[axes[0]], extent)


@dataclass
class _Slices:
    """The blocks of arrays along one index, each declared once.

    Attributes:
        block: the extent of a block.
        known: (block, source, axis) of each.
    """

    block: Symbol
    scope: Scope
    known: list[tuple[str, str, int]] = field(default_factory=list)

    def name(self, source: str, axis: int, tensor: Tensor | None = None) -> str:
        """The name of the block of `source` along `axis`; `tensor` where the scope does not know it."""
        for name, known, known_axis in self.known:
            if (known, known_axis) == (source, axis):
                return name
        whole = tensor or self.scope.tensors[source]
        extents = (*whole.shape[:axis], self.block, *whole.shape[axis + 1 :])
        stem = self.scope.stems.get(source, source)
        name = self.scope.declare(f"{stem}_block", extents, whole.integer).name
        self.scope.stems[name] = stem
        self.known.append((name, source, axis))
        return name


def _block_name(scope: Scope) -> str:
    number = next(k for k in range(1, 1000) if f"block{k}" not in scope.taken)
    scope.taken.add(f"block{number}")
    return f"block{number}"
