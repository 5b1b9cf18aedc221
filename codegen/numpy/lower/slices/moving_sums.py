"""Sums over a part of an axis that moves with a place: the runtime makes all of them in one pass."""

from collections.abc import Callable
from dataclasses import replace

import sympy
from sympy import Expr, Mul, Symbol

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.indirect.lookup import computed_labels
from gradscribe.codegen.numpy.plan import PartSums, Record
from gradscribe.derive.calculus.programs.optimised.running import running
from gradscribe.derive.ir.functions import Indicator, at_least
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Access, Guard, Tensor, Term

Lower = Callable[[Form, Scope, bool], list[Record]]


def sums_parts(form: Form, scope: Scope) -> bool:
    """Whether a form is such a sum, written to whole axes; or one is a part of it, which is summed before the rest."""
    return _is_whole(form, scope) or _before(form, scope) is not None


def _before(form: Form, scope: Scope) -> tuple[Form, Form] | None:
    """A sum that comes before the rest, and the rest, of dx[j+1] += sum(n,i) dy[n,i] x[n,j] [j < i]: that over i.

    The sum has an axis for each index that it is not over.
    """
    for summed in form.contracted if form.is_sum else ():
        factors = [f for f in Mul.make_args(form.body) if summed in f.free_symbols]
        guards = tuple(g for g in form.guards if summed in g.value.free_symbols | g.extent.free_symbols)
        symbols = set().union(*(e.free_symbols for e in factors), *(g.value.free_symbols for g in guards)) - {summed}
        box = tuple(r for r in form.box if r.index in symbols)
        place = tuple(r.index for r in box)
        target = Tensor(form.target.name, tuple(r.extent for r in box))
        inner = Form(target, place, (*box, form.range(summed)), Mul(*factors), guards)
        if not _is_whole(inner, scope):
            continue
        rest = Mul(*(f for f in Mul.make_args(form.body) if f not in factors), Access(target.name, *place))
        left = tuple(g for g in form.guards if g not in guards)
        return inner, replace(form, box=tuple(r for r in form.box if r.index != summed), body=rest, guards=left)
    return None


def _is_whole(form: Form, scope: Scope) -> bool:
    """Whether a form is such a sum that is written to whole axes."""
    whole = all(scope.fits(e, s, form) and not e.is_Integer for e, s in zip(form.place, form.target.shape, strict=True))
    if not whole or len(set(form.place)) < len(form.place) or not running(_term(form)):
        return False
    return not _brackets(form) or _by_labels(form) is not None


def lower_part_sums(form: Form, scope: Scope, fresh: bool, lower: Lower) -> list[Record]:
    """Lower such a form.

    Args:
        form: what is computed.
        scope: the tensors known; temporaries are declared there.
        fresh: whether the target does not exist yet.
        lower: lowers the forms of what is summed, and of what is made of the sums.
    """
    if not _is_whole(form, scope) and (parts := _before(form, scope)) is not None:
        inner, rest = parts
        made = scope.declare("sums", inner.target.shape)
        rest = replace(rest, body=rest.body.xreplace({inner.target(*inner.place): made(*inner.place)}))
        return [*lower_part_sums(replace(inner, target=made), scope, True, lower), *lower(rest, scope, fresh)]
    (summed,) = (form.range(v) for v in form.contracted)
    (place,) = (form.range(v) for v in running(_term(form)))
    factors = [f for f in Mul.make_args(form.body) if f not in _brackets(form)]
    inner = Mul(*(f for f in factors if summed.index in f.free_symbols))
    rest = Mul(*(f for f in factors if summed.index not in f.free_symbols))
    source, records = _summands(inner, form, scope, place.index, summed.index, lower)
    axes = tuple(place.index if v == summed.index else v for v in source.indices)
    direct = fresh and rest == 1 and axes == form.place
    extents = [form.range(v).extent for v in axes]
    name = form.target.name if direct else scope.declare("sums", extents).name
    by_labels = _by_labels(form) if _brackets(form) else None
    if by_labels is not None:
        found, adjoint = by_labels
        labels = [computed_labels(e, form, scope) for e in found]
        records += [r for _, made in labels for r in made]
        arrays = tuple(a.tensor for a, _ in labels)
        sums = PartSums(name, source.tensor, source.indices, summed, place, (), arrays, adjoint)
    else:
        ends = tuple(_ends(g, place.index, summed.index) for g in form.guards)
        sums = PartSums(name, source.tensor, source.indices, summed, place, ends)
    if direct:
        return [*records, sums]
    left = replace(form, box=tuple(r for r in form.box if r != summed), body=rest * Access(name, *axes), guards=())
    return [*records, sums, *lower(left, scope, fresh)]


def _term(form: Form) -> Term:
    free = tuple(form.range(v) for v in form.place if isinstance(v, Symbol) and v in form.indices)
    return Term(free, tuple(form.range(v) for v in form.contracted), form.body, guards=form.guards, op=form.op)


def _summands(
    inner: Expr, form: Form, scope: Scope, place: Symbol, summed: Symbol, lower: Lower
) -> tuple[Access, list[Record]]:
    """An array of what is summed, and what makes it: with the axes of the target, if it is not there."""
    if isinstance(inner, Access) and scope.plain(inner, form):
        return inner, []
    wanted = [summed if v == place else v for v in form.place]
    axes = tuple(v for v in wanted if v in inner.free_symbols)
    made = scope.declare("summands", [form.range(v).extent for v in axes])
    pointwise = Form(made, axes, tuple(form.range(v) for v in axes), inner)
    return Access(made.name, *axes), lower(pointwise, scope, True)


def _ends(guard: Guard, place: Symbol, summed: Symbol) -> tuple[Expr, Expr]:
    """``0 <= value < extent`` as the first and the last element, less the place."""
    parts = affine(guard.value, (place, summed))
    rest = sympy.expand(parts.offset)
    if parts.coefficient(summed) == 1:
        return sympy.expand(-rest), sympy.expand(guard.extent - 1 - rest)
    return sympy.expand(rest - guard.extent + 1), rest


def _by_labels(form: Form) -> tuple[tuple[Expr, Expr], bool] | None:
    """Where parts begin and end, as labels, and whether the place lies within them; None where that is not said so."""
    (summed,) = form.contracted
    (place,) = running(_term(form))
    found: dict[bool, Expr] = {}
    within: set[bool] = set()
    for bracket in _brackets(form):
        index = next((v for v in (summed, place) if v in bracket.args), None)
        if index is None or form.guards:
            return None
        one, other = bracket.args
        reached = int(isinstance(bracket, at_least))
        first = one == index
        if first in found:
            return None
        found[first] = other + 1 - reached if first else one + reached
        within.add(index == place)
    return ((found[True], found[False]), within.pop()) if len(found) == 2 and len(within) == 1 else None


def _brackets(form: Form) -> list[Expr]:
    return [f for f in Mul.make_args(form.body) if isinstance(f, Indicator)]
