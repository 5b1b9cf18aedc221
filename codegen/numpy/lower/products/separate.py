"""Sums of products that are no products of matrices: hardly a number is read for more than one of them.

A matrix is read for each row of another one. Where an index is one of both factors and of the result, there is a matrix
for each of its values; and where one of the factors has no other index of the result, that is a vector. So is a window
that all elements share: y[n,i,c] = sum(r) w[r] x[n,i+r,c], and the gradient of w.
"""

from sympy import Integer, Mul, Symbol, prod

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.products.operands import operands
from gradscribe.codegen.numpy.lower.slices.taps import multiplies
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Access, Guard, accesses

MOST_TAPS = 128
"""Elements of a window that all elements share up to which each result is summed up by itself."""


def is_separate(form: Form, scope: Scope) -> bool:
    """Whether loops over single elements do as well as any way to compute products of matrices."""
    if not form.contracted:
        return not isinstance(form.body, Access)  # it is added where windows meet, or copied
    if multiplies(form.body):
        return _is_of_vectors(form)
    _, groups = operands(form, scope)  # what is multiplied may have to be computed for each product
    return any(not o.bare and set(o.indices) == set(form.indices) for o in groups)


def _is_of_vectors(form: Form) -> bool:
    """Whether a product has a vector for each value of an index, and another one, or a matrix that no array holds.

    Such a matrix is made of windows that move with the index. Others times vectors are left to NumPy.
    """
    factors = _factors(form)
    if len(factors) != 2:
        return False
    if _shared_windows(form):
        return True
    one, other = (f.free_symbols & form.placed for f in factors)
    if not one & other or (one - other and other - one):
        return False
    positions = (affine(e, form.indices).indices for a in accesses(form.body) for e in a.indices)
    return one == other or any(len(found) > 1 and one & other & set(found) for found in positions)


def few_taps(form: Form, scope: Scope) -> tuple[Guard, ...]:
    """What has to hold of sizes: a window that all elements share is short, for long ones there are faster ways."""
    windows = [[form.range(v) for v in taps] for taps in _shared_windows(form)]
    taps = min(windows, key=scope.volume, default=None)
    return (Guard(prod((r.extent for r in taps), start=Integer(1)), Integer(MOST_TAPS + 1)),) if taps else ()


def _shared_windows(form: Form) -> list[list[Symbol]]:
    """The indices of windows that all elements of another array share, the weights' or the result's, as may be.

    One of two factors has no index of the result. Where its indices all slide along the other factor it is a window of
    weights; where those of the result do, these are gradients of such weights.
    """
    factors = _factors(form)
    shared = [f for f in factors if not f.free_symbols & form.placed]
    if len(factors) != 2 or len(shared) != 1 or not multiplies(form.body):
        return []
    positions = [affine(e, form.indices).indices for a in accesses(form.body) for e in a.indices]
    sliding = {v for found in positions if len(found) > 1 for v in found}
    sets = shared[0].free_symbols & {*form.indices}, form.placed
    return [[v for v in form.indices if v in taps] for taps in sets if taps and taps <= sliding]


def _factors(form: Form) -> list[Access]:
    return [f for f in Mul.make_args(form.body) if isinstance(f, Access)]
