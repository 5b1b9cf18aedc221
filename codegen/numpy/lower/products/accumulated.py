"""Products that grow by one factor from place to place, and what their factors get from all of them, at linear cost.

`programs.products.running_products` finds them. A tensor of others that is read for such a sum only is never made.
"""

from collections.abc import Callable
from dataclasses import replace

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.plan import Accumulate, Allocate, Record
from gradscribe.derive.calculus.programs.products.running_products import Running, running, running_others, slopes
from gradscribe.derive.ir.term import Access, Statement, Term, accesses

Lower = Callable[[Statement], list[Record]]


def lower_running(statement: Statement, scope: Scope, lower: Lower, made: bool) -> list[Record] | None:
    """A product computed together with its neighbours; None for another statement.

    Args:
        statement: the statement.
        scope: the tensors known; its factors are declared there.
        lower: lowers the statement that makes its factors.
        made: whether it is made; if not, its factors are there for what reads it.
    """
    found = running(statement.term)
    if found is None or any(scope.tensors[a.tensor].integer for a in accesses(statement.term.body)):
        return None
    target = statement.target
    if not made:
        product, _ = running_others(statement) or (found, None)
        factors, records = _array("factors", product.element, scope, lower)
        scope.unmade[target.name] = statement, factors
        return records
    factors, records = _array("factors", found.element, scope, lower)
    return [*records, Allocate(target.name, target.shape, None), _accumulate(target.name, factors, found)]


def lower_slopes(form: Form, scope: Scope, lower: Lower) -> tuple[list[Record], Form] | None:
    """What makes the part of a form that reads others which are not made, and the form with that instead; or None."""
    read = [a.tensor for a in accesses(form.body) if a.tensor in scope.unmade]
    if not read:
        return None
    others, factors = scope.unmade[read[0]]
    term = form.term
    found = slopes(term, others, scope.declare("slopes", others.target.shape).name) if term is not None else None
    assert found is not None  # or it would have been made
    element = found.product.element
    part = replace(scope.tensors[found.access.tensor], shape=tuple(r.extent for r in element.free))
    scope.tensors[part.name] = part
    weights, records = _array("weights", found.weights, scope, lower)
    sums = replace(_accumulate(part.name, factors, found.product), weights=weights)
    return [*records, Allocate(part.name, part.shape, None), sums], form.of_term(found.rest)


def _accumulate(out: str, factors: str, found: Running) -> Accumulate:
    return Accumulate(
        out, factors, found.axis, found.places, found.element.free, first=found.first, backwards=found.backwards
    )


def _array(stem: str, term: Term, scope: Scope, lower: Lower) -> tuple[str, list[Record]]:
    """An array of a term's values: one that is there already, or a new one and what makes it."""
    body = term.body
    if isinstance(body, Access) and not (term.bound or term.guards) and _is_whole(body, term, scope):
        return body.tensor, []
    made = scope.declare(stem, [r.extent for r in term.free])
    return made.name, lower(Statement(made, term))


def _is_whole(access: Access, term: Term, scope: Scope) -> bool:
    """Whether an access reads a tensor as it is, its axes in order."""
    shape = scope.tensors[access.tensor].shape
    ranges = zip(term.free, shape, strict=False)
    plain = access.indices == tuple(r.index for r in term.free)
    return plain and all(scope.extent_matches(r.extent, extent) for r, extent in ranges)
