"""Form of sums over the leading axes -> Nest: one pass over what NumPy would compute and store before it adds it up."""

from dataclasses import replace

from sympy import Integer

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.loops import Nest, computable
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.loops.joint_axes import Joint, joint
from gradscribe.codegen.numpy.lower.loops.passing import Pass
from gradscribe.codegen.numpy.lower.loops.set_apart import Apart
from gradscribe.codegen.numpy.lower.loops.summing import multiplies, order_of, scaled, summands
from gradscribe.derive.ir.term import Access, accesses


def column_pass(form: Form, scope: Scope) -> Pass | None:
    """The pass that computes `form` into a new target; None where it is of no use.

    Sums of elements alone are left to NumPy, sums of products of which each factor lacks an index to matrix products.
    """
    order = order_of(form, scope)
    if order is None:
        return None
    inside, outside = summands(form)
    if isinstance(inside, Access) or multiplies(inside, order):
        return None
    apart = Apart(form, order, scope)
    plain = replace(form, body=apart.taken(inside))
    axes = joint(order, [form.place, *(a.indices for a in accesses(plain.body))], plain, apart=1)
    if not computable(plain.body, plain.indices) or not _arranged(axes, form):
        return None
    return Pass(plain, tuple(apart.records), _nest(plain, axes), scaled(form, outside))


def _arranged(axes: Joint, form: Form) -> bool:
    """Whether the innermost axes are the target's, and behind the outermost one all others are summed over."""
    placed = [r.index in form.placed for r in axes.ranges]
    return len(placed) > 2 and placed[-1] and not any(placed[1:-1])


def _nest(form: Form, axes: Joint) -> Nest:
    """Loops whose outermost one has sums of its own."""
    *outer, vector = axes.ranges
    place = axes.indices(form.place)
    parted = outer[0].index not in place
    place = (outer[0].index, *place) if parted else place
    return Nest(
        "column_sums",
        form.target.name,
        place,
        form.op,
        axes.body(form.body),
        Integer(1),
        axes.shapes(form.target.name, place, form.body),
        tuple(outer),
        (),
        vector,
        (),
        parted=parted,
    )
