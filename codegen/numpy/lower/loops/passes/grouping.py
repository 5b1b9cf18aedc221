"""Arrays with one element for several neighbours along an axis, ``m[n, g]`` beside ``x[n, e, C*g + c]``.

Loops go along the whole axis; such an array counts as one of whole axes, C of whose elements are the same, so that
everything is read and written by whole axes.
"""

from dataclasses import dataclass, replace

from sympy import Dummy, Expr, Symbol

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.loops import Groups
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.derive.ir.term import Access, Range, accesses


@dataclass(frozen=True)
class Grouping:
    """Which arrays have one element for a group.

    Attributes:
        groups: the groups.
        arrays: those arrays.
        whole: the index of the whole axis.
    """

    groups: Groups
    arrays: frozenset[str]
    whole: Symbol


@dataclass(frozen=True)
class Widened:
    """A form by whole axes, the scope in which arrays of groups have these, and which arrays they are."""

    form: Form
    scope: Scope
    grouping: Grouping


def widened(form: Form, scope: Scope) -> Widened | None:
    """A form whose digits are met together, and the first of them alone; None for others."""
    places = {form.target.name: form.place} | {a.tensor: a.indices for a in accesses(form.body)}
    shapes = {name: scope.tensors[name].shape for name in places if name != form.target.name}
    shapes |= {form.target.name: form.target.shape}
    axes = {axis for name, place in places.items() for axis in zip(place, shapes[name], strict=True)}
    found = {e: (digits, extent) for e, extent in axes if (digits := form.digits(e, extent)) is not None}
    if len(found) != 1 or form.guards or form.argument is not None:
        return None
    ((whole, (digits, extent)),) = found.items()
    if len(digits) != 2:
        return None
    (group, number), (index, size) = digits
    at = Dummy(integer=True)
    together: dict[Expr, Expr] = {whole: at}
    body, place = form.body.xreplace(together), tuple(e.xreplace(together) for e in form.place)
    read = [a for a in accesses(body) if group in a.indices]
    left = body.xreplace({a: Access(a.tensor, *(e for e in a.indices if e != group)) for a in read})
    alone = left.free_symbols | {s for e in place if e != group for s in e.free_symbols}
    if alone & {group, index}:
        return None
    arrays = frozenset(a.tensor for a in read) | ({form.target.name} if group in place else frozenset())
    if any(at in a.indices for a in read) or (at in place and group in place):
        return None
    columns: dict[Expr, Expr] = {at: index, group: index}
    wide = {
        name: tuple(extent if e == group else n for e, n in zip(places[name], shapes[name], strict=True))
        for name in arrays
    }
    tensors = {name: replace(t, shape=wide.get(name, t.shape)) for name, t in scope.tensors.items()}
    target = replace(form.target, shape=wide.get(form.target.name, form.target.shape))
    box = tuple(Range(index, extent) if r.index == index else r for r in form.box if r.index != group)
    same = replace(
        form,
        target=target,
        place=tuple(e.xreplace(columns) for e in place),
        box=box,
        body=body.xreplace(columns),
    )
    there = replace(scope, tensors=tensors, taken=set(scope.taken))
    return Widened(same, there, Grouping(Groups(Range(group, number), size), arrays, index))
