"""Form of sums over the trailing axes -> Nest: one pass over what NumPy would compute before it adds it up."""

from dataclasses import replace

from sympy import Integer, Symbol

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.loops import Nest, computable
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.loops.joint_axes import Joint, joint
from gradscribe.codegen.numpy.lower.loops.passing import Pass
from gradscribe.codegen.numpy.lower.loops.set_apart import Apart
from gradscribe.codegen.numpy.lower.loops.summing import multiplies, order_of, scaled, summands
from gradscribe.derive.ir.term import Access, accesses


def row_pass(form: Form, scope: Scope) -> Pass | None:
    """The pass that computes `form` into a new target; None where it is of no use, as for products of matrices."""
    order = order_of(form, scope)
    if order is None:
        return None
    inside, outside = summands(form)
    if not isinstance(inside, Access) and multiplies(inside, order):
        return None
    apart = Apart(form, order, scope)
    plain = replace(form, body=apart.taken(inside))
    axes = joint(order, [form.place, *(a.indices for a in accesses(plain.body))], plain)
    placed = [r.index in form.placed for r in axes.ranges]
    if not computable(plain.body, plain.indices) or placed != [*[True] * (len(placed) - 1), False] or len(placed) < 2:
        return None
    return Pass(plain, tuple(apart.records), _nest(plain, axes), scaled(form, outside))


def _nest(form: Form, axes: Joint) -> Nest:
    *outer, vector = axes.ranges
    place: tuple[Symbol, ...] = axes.indices(form.place)
    shapes = axes.shapes(form.target.name, place, form.body)
    body = axes.body(form.body)
    return Nest("row_sums", form.target.name, place, form.op, body, Integer(1), shapes, tuple(outer), (), vector, ())
