"""What all other elements of a reduction come to, for a slope that is written with it: that of a product.

The product changes with one factor at the rate of the product of the others. That is a tensor of its own: beside

    y[f] = prod over b of body                      stands      others[f, b] = prod over m of [m != b] body at m

in the forward program, once the gradient is wanted. Nothing is divided, so it is right where factors are 0; and as it
is a product, its own derivatives are found likewise, at any order.
"""

from dataclasses import replace

from sympy import Mul

from gradscribe.derive.calculus.passes.ties import unused
from gradscribe.derive.ir.functions import admitted, unequal
from gradscribe.derive.ir.index import fresh_names, integer
from gradscribe.derive.ir.term import Statement, Tensor, position


def with_others(statement: Statement, taken: set[str]) -> tuple[Statement, Statement]:
    """The statement with a tensor for what its other elements come to, and the statement that defines that.

    Args:
        statement: a reduction whose slope is written with the others.
        taken: names in use; those found are added.
    """
    term = statement.term
    own = {r.index: integer(name) for r, name in zip(term.bound, fresh_names(taken), strict=False)}
    moved = replace(term, free=()).rename(own)
    apart = unequal(position(moved.bound), position(term.bound))
    body = admitted(Mul(apart, *moved.admission), moved.value)
    shape = tuple(r.extent for r in term.ranges)
    others = Tensor(unused("others", statement.target, taken), shape)
    product = replace(moved, free=term.ranges, body=body)
    return replace(statement, others=others), Statement(others, product)
