"""Neighbouring axes that all arrays have or lack together, as one: loops over them are one loop.

An array may be read at one position of an axis, ``u[n, 2, k]``: a part of each of its rows, whose neighbours are apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sympy import Expr, Integer, Mul, Symbol

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Access, Range, accesses


@dataclass(frozen=True)
class Joint:
    """The axes as loops have them.

    Attributes:
        ranges: a loop for each group of axes, in order.
        of: index -> the range of its group.
        parted: array that is read at positions of an axis -> its shape.
    """

    ranges: tuple[Range, ...]
    of: Mapping[Symbol, Range]
    parted: Mapping[str, tuple[Expr, ...]]

    def indices(self, place: Iterable[Expr]) -> tuple[Expr, ...]:
        """A place with the indices of groups."""
        found = [self.of[e].index if isinstance(e, Symbol) else e for e in place]
        return tuple(e for k, e in enumerate(found) if k == 0 or not e.is_Symbol or e != found[k - 1])

    def shape(self, name: str, place: Iterable[Expr]) -> tuple[Expr, ...]:
        """The extents of an array along a place."""
        axes = [*zip(place, self.parted[name], strict=True)] if name in self.parted else [(v, v) for v in place]
        found = [self.of[e] if isinstance(e, Symbol) else extent for e, extent in axes]
        groups = (e for k, e in enumerate(found) if k == 0 or e != found[k - 1] or not isinstance(e, Range))
        return tuple(e.extent if isinstance(e, Range) else e for e in groups)

    def body(self, body: Expr) -> Expr:
        """An expression whose arrays have these axes."""
        found = (a for a in accesses(body) if a.indices)
        joined: dict[Expr, Expr] = {a: Access(a.tensor, *self.indices(a.indices)) for a in found}
        return body.xreplace(joined)

    def shapes(self, target: str, place: Iterable[Expr], body: Expr) -> tuple[tuple[str, tuple[Expr, ...]], ...]:
        """The shapes of all arrays, the target first."""
        read = {a.tensor: self.shape(a.tensor, a.indices) for a in accesses(body)}
        return tuple(({target: self.shape(target, place)} | read).items())


def joint(
    order: Sequence[Symbol],
    places: Iterable[Iterable[Expr]],
    form: Form,
    parted: Mapping[str, tuple[Expr, ...]] | None = None,
) -> Joint:
    """The axes of all `places` in groups; arrays that are read at positions of an axis are `parted`."""
    seen = [tuple(place) for place in places]

    def together(place: tuple[Expr, ...], v: Symbol, before: Symbol) -> bool:
        both = v in place, before in place
        return both == (False, False) or (all(both) and place.index(v) == place.index(before) + 1)

    groups: list[tuple[Symbol, ...]] = []
    for v in order:
        if groups and all(together(place, v, groups[-1][-1]) for place in seen):
            groups[-1] = (*groups[-1], v)
        else:
            groups.append((v,))
    ranges = tuple(Range(group[-1], Mul(*(form.range(v).extent for v in group))) for group in groups)
    return Joint(ranges, {v: r for group, r in zip(groups, ranges, strict=True) for v in group}, parted or {})


def parted(form: Form, scope: Scope) -> dict[str, tuple[Expr, ...]]:
    """The arrays that a form reads at positions of an axis, with their shapes."""
    found = (a for a in accesses(form.body) if any(e.is_Integer for e in a.indices))
    return {a.tensor: scope.tensors[a.tensor].shape for a in found}


def restricted(form: Form, order: Sequence[Symbol]) -> bool:
    """Whether brackets, if any, ask for sums of the indices and sizes."""
    forms = [affine(g.value, order) for g in form.guards]
    factors = (c for f in forms for _, c in f.terms)
    return not any(c.free_symbols & set(order) for c in factors) and not any(
        g.extent.free_symbols & set(order) for g in form.guards
    )


def in_order(form: Form, order: Sequence[Symbol], scope: Scope) -> bool:
    """Whether something is read, and all that is read are whole axes in that order, or positions of others.

    An index itself has no place.
    """
    found = [a for a in accesses(form.body) if a.indices]
    rest = form.body.xreplace(dict.fromkeys(found, Integer(1)))
    return bool(found) and not rest.free_symbols & set(order) and all(_whole(a, order, form, scope) for a in found)


def _whole(access: Access, order: Sequence[Symbol], form: Form, scope: Scope) -> bool:
    """Whether an access reads whole axes in that order, perhaps at positions of others before the last."""
    axes = tuple(e for e in access.indices if not e.is_Integer)
    ordered = axes == tuple(v for v in order if v in axes) and axes[-1:] == access.indices[-1:]
    return ordered and scope.whole(access, form)
