"""Tensors that are a number times another one, axes in any order: products read the other one in their place.

t[m,q] = 2 s[q,m];  a[r,m] = sum(k) b[r,k] t[k,m]  is  a[r,m] = sum(k) 2 b[r,k] s[m,k]
"""

from collections.abc import Mapping

from sympy import Expr, Mul

from gradscribe.derive.ir.term import Access, Term, accesses

Shapes = Mapping[str, tuple[Expr, ...]]


def is_multiple(term: Term, shapes: Shapes) -> bool:
    """Whether a term is the whole of a tensor, times a number.

    Args:
        term: of a statement.
        shapes: of all tensors.
    """
    read = accesses(term.body)
    if term.bound or term.guards or term.deltas or term.divisibilities or len(read) != 1:
        return False
    (access,) = read
    extents = {r.index: r.extent for r in term.free}
    whole = tuple(map(extents.get, access.indices)) == shapes[access.tensor]
    return whole and len(extents) == len(access.indices) and bool((term.body / access).is_number)


def is_product(term: Term) -> bool:
    """Whether a term is a sum of products of elements."""
    factors = [f for f in Mul.make_args(term.body) if not f.is_number]
    return term.is_sum and bool(term.bound) and len(factors) > 1 and all(isinstance(f, Access) for f in factors)


def put_into(body: Expr, name: str, multiple: Term) -> Expr:
    """A body that reads what the tensor of this name is a multiple of."""
    own = [r.index for r in multiple.free]
    read = (a for a in accesses(body) if a.tensor == name)
    return body.xreplace({a: multiple.body.xreplace(dict(zip(own, a.indices, strict=True))) for a in read})
