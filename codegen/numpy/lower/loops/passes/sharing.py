"""What several members of a pass have in common, once: functions of elements, and ranges outside of which all is 0."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from sympy import Expr

from gradscribe.codegen.loops import Nest, is_cheap
from gradscribe.derive.ir.reductions import REDUCTIONS, SUM
from gradscribe.derive.ir.term import Access, accesses


def shared(nests: Sequence[Nest]) -> list[Nest]:
    """The members, in which elements that earlier ones have computed are read."""
    times = Counter(n.target for n in nests)
    found: list[Nest] = []
    for nest in nests:
        made = [n for n in found if n.kind == "pointwise" and not n.adds and times[n.target] == 1]
        found.append(_within(_reading(nest, made), made))
    return found


def _reading(nest: Nest, made: Sequence[Nest]) -> Nest:
    """A member that reads elements rather than computing them once more, as exp(u - c)/z reads h = exp(u - c)."""
    slow = [n for n in made if not is_cheap(n.body) and n.brackets in ((), nest.brackets)]
    if nest.kind == "row_numbers":
        return nest
    known: dict[Expr, Expr] = {n.body: Access(n.target, *n.place) for n in slow}
    body = nest.body.xreplace(known)
    shapes = dict(nest.shapes) | {n.target: dict(n.shapes)[n.target] for n in slow}
    read = {nest.target, *(a.tensor for e in (body, nest.after) for a in accesses(e))}
    return replace(nest, body=body, shapes=tuple((name, shape) for name, shape in shapes.items() if name in read))


def _within(nest: Nest, made: Sequence[Nest]) -> Nest:
    """A sum of elements that are 0 outside of a range goes along that only."""
    if nest.kind != "row_sums" or REDUCTIONS[nest.op] is not SUM or nest.brackets:
        return nest
    summed = (n for n in made if nest.body == Access(n.target, *n.place))
    return replace(nest, brackets=next((n.brackets for n in summed), ()))
