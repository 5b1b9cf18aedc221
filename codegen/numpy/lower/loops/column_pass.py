"""Form of sums over the leading axes -> Nest: one pass over what NumPy would compute and store before it adds it up."""

from dataclasses import replace

from sympy import Expr, Integer, Mul, Symbol

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.loops import Nest, computable
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.loops.joint_axes import Joint, in_order, joint
from gradscribe.codegen.numpy.lower.loops.passing import Pass
from gradscribe.codegen.numpy.lower.loops.set_apart import Apart
from gradscribe.codegen.numpy.lower.slices import taps
from gradscribe.codegen.numpy.plan import Scale
from gradscribe.derive.ir.functions import is_indicator
from gradscribe.derive.ir.term import Access, accesses


def column_pass(form: Form, scope: Scope) -> Pass | None:
    """The pass that computes `form` into a new target; None where it is of no use.

    Sums of elements alone are left to NumPy, sums of products of which each factor lacks an index to matrix products.
    """
    order = _order(form)
    if not form.is_sum or form.guards or not form.contracted or not form.place or order is None:
        return None
    if form.place != tuple(v for v in order if v in form.place) or not in_order(form, order, scope):
        return None
    if not all(scope.fits(e, extent, form) for e, extent in zip(form.place, form.target.shape, strict=True)):
        return None
    inside, outside = _apart(form)
    if isinstance(inside, Access) or _multiplies(inside, order):
        return None
    apart = Apart(form, order, scope)
    plain = replace(form, body=apart.computable(inside))
    axes = joint(order, [form.place, *(a.indices for a in accesses(plain.body))], plain, apart=1)
    if not computable(plain.body, plain.indices) or not _arranged(axes, form):
        return None
    box = tuple(form.range(v) for v in form.place if isinstance(v, Symbol))
    scaled = replace(form, body=outside, box=box)
    after = (Scale(taps.pointwise(scaled)),) if outside != 1 else ()
    return Pass(plain, tuple(apart.records), _nest(plain, axes), after)


def _order(form: Form) -> tuple[Symbol, ...] | None:
    """The indices in the order of the axes of an array that has all of them."""
    for access in accesses(form.body):
        order = tuple(e for e in access.indices if isinstance(e, Symbol))
        if len(order) == len(access.indices) and set(order) == set(form.indices):
            return order
    return None


def _apart(form: Form) -> tuple[Expr, Expr]:
    """The factors that are summed up, and those that multiply the sum once; brackets keep theirs."""
    factors = Mul.make_args(form.body)
    outside = [f for f in factors if not f.free_symbols & set(form.contracted)]
    if any(is_indicator(f) for f in factors) or len(outside) == len(factors):
        return form.body, Integer(1)
    return Mul(*(f for f in factors if f not in outside)), Mul(*outside)


def _multiplies(body: Expr, order: tuple[Symbol, ...]) -> bool:
    """Whether it is a product of matrices: a product of arrays of which one at most has all indices."""
    factors = [f for f in Mul.make_args(body) if accesses(f)]
    return all(isinstance(f, Access) for f in factors) and sum(len(f.indices) == len(order) for f in factors) < 2


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
        "columns",
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
