"""Neighbouring axes that all arrays have or lack together, as one: loops over them are one loop."""

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
    """

    ranges: tuple[Range, ...]
    of: Mapping[Symbol, Range]

    def _ranges(self, place: Iterable[Expr]) -> tuple[Range, ...]:
        return tuple(dict.fromkeys(self.of[v] for v in place if isinstance(v, Symbol)))

    def indices(self, place: Iterable[Expr]) -> tuple[Symbol, ...]:
        """The indices that a place has."""
        return tuple(r.index for r in self._ranges(place))

    def shape(self, place: Iterable[Expr]) -> tuple[Expr, ...]:
        """The extents along a place."""
        return tuple(r.extent for r in self._ranges(place))

    def body(self, body: Expr) -> Expr:
        """An expression whose arrays have these axes."""
        found = (a for a in accesses(body) if a.indices)
        joined: dict[Expr, Expr] = {a: Access(a.tensor, *self.indices(a.indices)) for a in found}
        return body.xreplace(joined)

    def shapes(self, target: str, place: Iterable[Expr], body: Expr) -> tuple[tuple[str, tuple[Expr, ...]], ...]:
        """The shapes of all arrays, the target first."""
        read = {a.tensor: self.shape(a.indices) for a in accesses(body)}
        return tuple(({target: self.shape(place)} | read).items())


def joint(order: Sequence[Symbol], places: Iterable[Iterable[Expr]], form: Form) -> Joint:
    """The axes of all `places` in groups."""
    seen = [set(place) for place in places]
    groups: list[tuple[Symbol, ...]] = []
    for v in order:
        if groups and all((v in place) == (groups[-1][-1] in place) for place in seen):
            groups[-1] = (*groups[-1], v)
        else:
            groups.append((v,))
    ranges = tuple(Range(group[-1], Mul(*(form.range(v).extent for v in group))) for group in groups)
    return Joint(ranges, {v: r for group, r in zip(groups, ranges, strict=True) for v in group})


def restricted(form: Form, order: Sequence[Symbol]) -> bool:
    """Whether brackets, if any, ask for sums of the indices and sizes."""
    forms = [affine(g.value, order) for g in form.guards]
    factors = (c for f in forms for _, c in f.terms)
    return not any(c.free_symbols & set(order) for c in factors) and not any(
        g.extent.free_symbols & set(order) for g in form.guards
    )


def in_order(form: Form, order: Sequence[Symbol], scope: Scope) -> bool:
    """Whether something is read, and all that is read are whole axes in that order; an index itself has no place."""
    found = [a for a in accesses(form.body) if a.indices]
    rest = form.body.xreplace(dict.fromkeys(found, Integer(1)))
    return (
        bool(found)
        and not rest.free_symbols & set(order)
        and all(a.indices == tuple(v for v in order if v in a.indices) and scope.plain(a, form) for a in found)
    )
