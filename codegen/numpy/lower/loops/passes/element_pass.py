"""Pointwise Form -> Pass: one pass over the elements, where NumPy makes one per operation.

Arrays may lack axes of the target: one that lacks the leading axes is repeated for each row, and NumPy would go along
short rows one by one.
"""

from collections.abc import Sequence
from dataclasses import replace

import sympy
from sympy import Expr, Integer, Symbol

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.loops import computable
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.loops.passes.grouping import Grouping
from gradscribe.codegen.numpy.lower.loops.passes.joint_axes import in_order, joint, parted, restricted
from gradscribe.codegen.numpy.lower.loops.passes.passing import Kind, Pass
from gradscribe.codegen.numpy.lower.loops.passes.set_apart import Apart
from gradscribe.codegen.numpy.print.numpy_table import takes_target
from gradscribe.derive.ir.functions import is_indicator
from gradscribe.derive.ir.term import Access, accesses

MANY_OPERATIONS = 3
"""Operations from which on one pass over elements of whole arrays is worth it; NumPy makes one per operation."""


def element_pass(form: Form, scope: Scope, fresh: bool, grouping: Grouping | None = None) -> Pass | None:
    """The pass that computes `form` into its target, a new one or one that it adds to; None where there is none."""
    order = tuple(v for v in form.place if isinstance(v, Symbol))
    copied = fresh and isinstance(form.body, Access)  # it may become a view
    if copied or not _is_pointwise(form, order, scope) or not computable(form.body, form.indices):
        return None
    operations = _operations(form.body)
    short = len(joint(order, [a.indices for a in accesses(form.body)], form).ranges) > 1
    worth = operations > 0 and (short or operations >= MANY_OPERATIONS or _is_slow(form.body))
    worth = (worth or bool(form.guards) or grouping is not None) and not _is_for_all_rows(form, scope)
    apart = Apart(form, order, scope) if worth else None
    body = apart.taken(form.body) if apart else form.body
    before = tuple(apart.records) if apart else ()
    same = replace(form, body=body)
    parts = parted(form, scope)
    return Pass(Kind.ELEMENTS, same, order, body, Integer(1), form.body, before, fresh, worth, grouping, parts)


def _is_pointwise(form: Form, order: Sequence[Symbol], scope: Scope) -> bool:
    """Whether all is read and written element by element, axes in the order of the target."""
    if (
        not form.is_sum
        or not restricted(form, order)
        or not order
        or order != form.place
        or set(order) != set(form.indices)
    ):
        return False
    axes = zip(order, form.target.shape, strict=True)
    if len(set(order)) < len(order) or not all(scope.fits(e, extent, form) for e, extent in axes):
        return False
    return in_order(form, order, scope)


def _is_for_all_rows(form: Form, scope: Scope) -> bool:
    """Whether the target has but the last axis of another array, as a mean over the batch has: it is small then."""
    shape = form.target.shape
    return len(shape) == 1 and any(t.shape[1:][-1:] == shape for t in scope.program.tensors.values())


def _operations(body: Expr) -> int:
    """The operations of an expression."""
    leaves: dict[Expr, Expr] = {a: Symbol(f"leaf_{k}") for k, a in enumerate(accesses(body))}
    return int(body.xreplace(leaves).count_ops())


def _is_slow(body: Expr) -> bool:
    """Whether brackets choose, which NumPy computes first as an array, or a function is not NumPy's own."""
    functions = body.atoms(sympy.Function)
    return any(is_indicator(f) or not takes_target(f.func) for f in functions)
