"""Sums over a part of an axis that moves with a place: the runtime makes all of them in one pass."""

from collections.abc import Callable
from dataclasses import replace

import sympy
from sympy import Expr, Integer, Mul, Symbol

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.lookup import computed_labels
from gradscribe.codegen.numpy.plan import PartSums, Record
from gradscribe.derive.calculus.programs.optimised.running import running
from gradscribe.derive.ir.functions import Indicator, at_least
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Access, Guard, Term, accesses

Lower = Callable[[Form, Scope, bool], list[Record]]


def sums_parts(form: Form, scope: Scope) -> bool:
    """Whether a form is such a sum, of whole axes, and written to whole axes."""
    whole = all(scope.fits(e, s, form) and not e.is_Integer for e, s in zip(form.place, form.target.shape, strict=True))
    if not whole or len(set(form.place)) < len(form.place) or not running(_term(form)):
        return False
    return len(_sides([f for f in Mul.make_args(form.body) if isinstance(f, Indicator)], form)) in (0, 2)


def lower_part_sums(form: Form, scope: Scope, fresh: bool, lower: Lower) -> list[Record]:
    """Lower such a form.

    Args:
        form: what is computed.
        scope: the tensors known; temporaries are declared there.
        fresh: whether the target does not exist yet.
        lower: lowers the forms of what is summed, and of what is made of the sums.
    """
    (summed,) = (form.range(v) for v in form.contracted)
    (place,) = (form.range(v) for v in running(_term(form)))
    brackets = [f for f in Mul.make_args(form.body) if isinstance(f, Indicator)]
    factors = [f for f in Mul.make_args(form.body) if f not in brackets]
    inner = Mul(*(f for f in factors if summed.index in f.free_symbols))
    rest = Mul(*(f for f in factors if summed.index not in f.free_symbols))
    source, records = _summands(inner, form, scope, place.index, summed.index, lower)
    axes = tuple(place.index if v == summed.index else v for v in source.indices)
    direct = fresh and rest == 1 and axes == form.place
    extents = [form.range(v).extent for v in axes]
    name = form.target.name if direct else scope.declare("sums", extents).name
    if brackets:
        found, adjoint = _labels(brackets, form, place.index, summed.index)
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


def _sides(brackets: list[Expr], form: Form) -> dict[str, tuple[Expr, bool]]:
    """Where a part begins and ends, by "begin" and "end": a label, and whether the place lies within; {} for none."""
    if not brackets:
        return {}
    (summed,) = form.contracted
    (place,) = running(_term(form))
    found: dict[str, tuple[Expr, bool]] = {}
    for bracket in brackets:
        one, other = bracket.args
        least = isinstance(bracket, at_least)
        index = next((v for v in (summed, place) if v in (one, other)), None)
        if index is None or not accesses(bracket) or form.guards:
            return {"": (Integer(0), False)}
        end, label = ("begin", other + (0 if least else 1)) if one == index else ("end", one + (1 if least else 0))
        if end in found:
            return {"": (Integer(0), False)}
        found[end] = label, index == place
    return found if len({within for _, within in found.values()}) == 1 else {"": (Integer(0), False)}


def _labels(brackets: list[Expr], form: Form, place: Symbol, summed: Symbol) -> tuple[tuple[Expr, Expr], bool]:
    found = _sides(brackets, form)
    return (found["begin"][0], found["end"][0]), found["begin"][1]
