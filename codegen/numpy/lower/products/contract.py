"""Products summed over several indices: one contraction of arrays and of windows that are described, not made.

The result is an array with an axis per index (a gather), or a window that sums are added to (a scatter). Which way of
computing it is the fastest depends on the sizes and is decided at run time.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from sympy import Expr, Integer, Mul, Symbol

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.products.operands import Operand, bracketed_division, operands
from gradscribe.codegen.numpy.lower.slices.blocks import along, cuttable
from gradscribe.codegen.numpy.lower.slices.taps import lower_taps, window
from gradscribe.codegen.numpy.plan import Allocate, Contract, Record
from gradscribe.derive.calculus.programs.optimised.order import best_order, result_of
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Access, Range, accesses


def contractible(form: Form, scope: Scope) -> bool:
    """Whether `form` is a sum of products that a GEMM computes: at least two operands, something to sum over."""
    if not form.is_sum or form.guards or not form.contracted or not _is_window(form):
        return False
    _, groups = operands(form, scope)
    summed = set(form.contracted)
    if not form.placed <= set().union(*(o.indices for o in groups), set()):
        return False
    matrices = [o for o in groups if summed & set(o.indices)]
    if len(groups) < 2 or len(matrices) < 2 or not all(o.bare or o.whole for o in groups):
        return False
    # what is computed for every element of a window would grow with the window
    stored = {e for a in accesses(form.body) for e in a.indices}
    return all(o.bare or summed & set(o.indices) <= stored for o in groups)


def _is_window(form: Form) -> bool:
    """Whether every index of the target runs along one of its axes."""
    seen = [v for e in form.place for v in affine(e, form.indices).indices]
    return len(seen) == len(set(seen)) and not any(e.is_Integer for e in form.place)


def lower_contract(form: Form, scope: Scope, fresh: bool) -> list[Record]:
    """Lower a contractible `form`: as a whole, or in blocks where what is computed on the way would be wider than that.

    Wider is what has indices together that no array has.
    """
    wide = _wide(form, scope)
    for index in cuttable(form) if wide else ():
        if all(index in indices for indices in wide):
            over = fresh and index in form.placed
            largest = max(([form.range(v) for v in indices] for indices in wide), key=scope.volume)
            others = [r for r in largest if r.index != index]
            block = along(index, form, others, scope, partial(_contracted, over=over))
            if block is not None:
                made = Allocate(form.target.name, form.target.shape, None if over else 0)
                blocks = replace(block, operand=True)
                return [made, blocks] if fresh else [blocks]
    return _contracted(form, scope, fresh, [Allocate(form.target.name, form.target.shape, None)] if fresh else [])


def _wide(form: Form, scope: Scope) -> list[tuple[Symbol, ...]]:
    """The indices of computed operands, and of products of two of more than two, that no array has together."""
    _, groups = operands(form, scope)
    found = [o.indices for o in groups if not o.bare]
    arrays = [Access(f"operand{k}", *o.indices) for k, o in enumerate(groups)]
    while len(arrays) > 2:
        pair, box = _first_pair(arrays, form, scope)
        made = tuple(r.index for r in box)
        found.append(made)
        arrays = [Access(f"product{len(found)}", *made), *(a for a in arrays if a not in pair)]
    stored = [form.placed, *({e for e in a.indices if e.is_Symbol} for a in accesses(form.body))]
    return [indices for indices in found if not any(set(indices) <= seen for seen in stored)]


def _contracted(form: Form, scope: Scope, over: bool, allocated: Sequence[Record] = ()) -> list[Record]:
    """Contract pair by pair in the best order; `over` to write over what the target holds, else to add to it."""
    scale, groups = operands(form, scope)
    used = set().union(*(o.indices for o in groups))
    for index in form.contracted:
        if index not in used:  # summing what does not depend on the index multiplies by its extent
            scale *= form.range(index).extent
    records: list[Record] = []
    arrays: list[Access] = []
    for group in groups:
        access, computed = _array(group, form, scope)
        records += computed
        arrays.append(access)
    while len(arrays) > 2:
        (first, second), box = _first_pair(arrays, form, scope)
        product = scope.declare("product", [r.extent for r in box])
        records += [
            Allocate(product.name, product.shape, None),
            _contract(product.name, first, second, box, Integer(1), form, False),
        ]
        rest = [a for a in arrays if a not in (first, second)]
        arrays = [Access(product.name, *(r.index for r in box)), *rest]
    records += allocated
    if all(scope.fits(e, s, form) for e, s in zip(form.place, form.target.shape, strict=True)):
        axes = tuple(form.range(affine(e, form.indices).plain()) for e in form.place)
        return [*records, _contract(form.target.name, arrays[0], arrays[1], axes, scale, form, not over)]
    scope.tensors.setdefault(form.target.name, form.target)
    access, record = window(Access(form.target.name, *form.place), form, scope, described=True)
    into = _contract(access.tensor, arrays[0], arrays[1], record.axes, scale, form, not over)
    return [*records, record, replace(into, into=True)]


def _contract(
    out: str, left: Access, right: Access, axes: tuple[Range, ...], scale: Expr, form: Form, accumulate: bool
) -> Contract:
    involved = left.free_symbols | right.free_symbols
    ranges = tuple(r for r in form.box if r.index in involved)
    return Contract(out, left.tensor, right.tensor, left.indices, right.indices, axes, scale, ranges, accumulate)


def _array(group: Operand, form: Form, scope: Scope) -> tuple[Access, list[Record]]:
    """An array with one axis per index of the group: the tensor itself, a window of it, or a new pointwise one."""
    if group.bare and scope.plain(group.body, form):
        return group.body, []
    if group.bare:
        access, record = window(group.body, form, scope, described=True)
        return access, [record]
    box = tuple(form.range(v) for v in group.indices)
    made = scope.declare("factor", [r.extent for r in box])
    place = tuple(r.index for r in box)
    pointwise = Form(made, place, box, group.body)
    return Access(made.name, *place), lower_taps(pointwise, scope, fresh=True)


def _first_pair(arrays: list[Access], form: Form, scope: Scope) -> tuple[tuple[Access, Access], tuple[Range, ...]]:
    """The pair that the best order begins with; and the indices of its result."""
    seen = [frozenset(a.free_symbols) & set(form.indices) for a in arrays]
    _, ((one, other), *_) = best_order(seen, form.placed, lambda own: scope.volume([form.range(v) for v in own]))
    kept = result_of(seen, (one, other), frozenset(form.placed))
    pair = arrays[one], arrays[other]
    laid = dict.fromkeys(v for a in pair for e in a.indices for v in form.indices if v in e.free_symbols & kept)
    return pair, tuple(form.range(v) for v in laid)  # rows of one, columns of the other: nothing is turned


def pointwise_operands(form: Form, scope: Scope) -> tuple[Form, list[Record]]:
    """Compute composite factors of a scatter that read whole arrays once, outside of the loops over taps."""
    scale, groups = operands(form, scope)
    records: list[Record] = []
    body: list[Expr] = [scale]
    for group in groups:
        composite = group.whole and not group.bare and accesses(group.body)
        if composite and set(group.indices) != set(form.indices) and not bracketed_division(group.body, form):
            access, made = _array(group, form, scope)
            records += made
            body.append(access)
        else:
            body.append(group.body)
    return replace(form, body=Mul(*body)), records
