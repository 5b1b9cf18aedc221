"""Sums of products that are no products of matrices: hardly a number is read for more than one of them.

A matrix is read for each row of another one. Where an index is one of both factors and of the result, there is a matrix
for each of its values; and where one of the factors has no other index of the result, that is a vector.
"""

from sympy import Mul

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.products.operands import operands
from gradscribe.codegen.numpy.lower.slices.taps import multiplies
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Access, accesses


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
    factors = [f for f in Mul.make_args(form.body) if isinstance(f, Access)]
    if len(factors) != 2:
        return False
    one, other = (f.free_symbols & form.placed for f in factors)
    if not one & other or (one - other and other - one):
        return False
    positions = (affine(e, form.indices).indices for a in accesses(form.body) for e in a.indices)
    return one == other or any(len(found) > 1 and one & other & set(found) for found in positions)
