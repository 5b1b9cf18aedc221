"""Form of a sum over the leading or the trailing axes -> Pass: NumPy would compute and store what it then adds up.

Along rows it may be an extremum, too.
"""

from dataclasses import replace

from sympy import Expr, Integer, Mul, Symbol

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.loops import LOOPED, computable
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.loops.passes.grouping import Grouping
from gradscribe.codegen.numpy.lower.loops.passes.joint_axes import in_order, parted, restricted
from gradscribe.codegen.numpy.lower.loops.passes.passing import Kind, Pass, loops_of
from gradscribe.codegen.numpy.lower.loops.passes.set_apart import Apart
from gradscribe.derive.ir.functions import is_indicator
from gradscribe.derive.ir.term import Access, accesses


def sum_pass(form: Form, scope: Scope, fresh: bool, grouping: Grouping | None = None) -> Pass | None:
    """The pass that computes `form` into its target; None where there is none, as for products of matrices.

    A sum of nothing but elements along columns, and a matrix times a vector, are worth it only beside others: NumPy is
    as fast there, but for groups of columns.
    """
    order = _order(form, scope)
    if order is None or not computable(form.body, form.indices) or not (fresh or form.is_sum):
        return None
    groups = grouping is not None and form.target.name in grouping.arrays
    entire, outside = _summands(form, grouping.whole if grouping is not None and groups else None)
    inside = entire
    alone, product = isinstance(inside, Access), form.is_sum and _multiplies(inside)
    apart = Apart(form, order, scope)
    inside = apart.taken(inside)
    body = inside * outside if outside != 1 else inside
    rows = Pass(
        Kind.ROWS,
        replace(form, body=body),
        order,
        inside,
        outside,
        entire,
        tuple(apart.records),
        fresh,
        worth=not product or alone,
        grouping=grouping,
        parted=parted(form, scope),
    )
    if loops_of([rows]) is not None:
        return rows
    columns = replace(rows, kind=Kind.COLUMNS, worth=groups or not (alone or product))
    return columns if form.is_sum and loops_of([columns]) is not None else None


def _order(form: Form, scope: Scope) -> tuple[Symbol, ...] | None:
    """The indices in the order of the axes of an array that has all of them; None where others have another order."""
    if form.op not in LOOPED or not LOOPED[form.op].into or form.argument or not form.contracted or not form.place:
        return None
    for access in accesses(form.body):
        order = tuple(e for e in access.indices if isinstance(e, Symbol))
        if all(e in order or e.is_Integer for e in access.indices) and set(order) == set(form.indices):
            break
    else:
        return None
    axes = zip(form.place, form.target.shape, strict=True)
    placed = form.place == tuple(v for v in order if v in form.place)
    fits = (
        placed
        and restricted(form, order)
        and in_order(form, order, scope)
        and all(scope.fits(e, extent, form) for e, extent in axes)
    )
    return order if fits else None


def _summands(form: Form, whole: Symbol | None) -> tuple[Expr, Expr]:
    """The factors that are summed up, and those that multiply the sum once; brackets keep theirs.

    Elements of a group, whose axis has the index `whole`, are summed up, too.
    """
    factors = Mul.make_args(form.body)
    summed = {*form.contracted, *([whole] if whole is not None else [])}
    outside = [f for f in factors if not f.free_symbols & summed]
    if not form.is_sum or any(is_indicator(f) for f in factors) or len(outside) == len(factors):
        return form.body, Integer(1)
    return Mul(*(f for f in factors if f not in outside)), Mul(*outside)


def _multiplies(body: Expr) -> bool:
    """Whether it is a matrix times a vector: an array of all indices, and arrays of fewer."""
    factors = [f for f in Mul.make_args(body) if accesses(f)]
    most = max((len(f.indices) for f in factors if isinstance(f, Access)), default=0)
    return all(isinstance(f, Access) for f in factors) and sum(len(f.indices) == most for f in factors) < 2
