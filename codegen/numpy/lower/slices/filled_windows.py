"""Windows that are filled: a value goes to all elements of its window, or to that at a recorded position."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import sympy
from sympy import Expr, Mul, Symbol

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.products.operands import bracketed_division
from gradscribe.codegen.numpy.lower.slices.taps import lower_taps, pointwise, window
from gradscribe.codegen.numpy.plan import Allocate, Record, Spread
from gradscribe.derive.ir.functions import equal, is_indicator
from gradscribe.derive.ir.index import affine, sign
from gradscribe.derive.ir.term import Access, Range, Tensor, accesses, position


@dataclass(frozen=True)
class _Values:
    """What the windows give to their elements.

    Attributes:
        array: one value per window; None where it is `scale` alone that has to be computed.
        scale: what that is multiplied by.
        argument: the integers that say which element of a window is given the value; None for all of them.
        kept: the indices of the windows.
        taps: the indices within a window.
    """

    array: Access | None
    scale: Expr
    argument: Access | None
    kept: tuple[Range, ...]
    taps: tuple[Range, ...]


def lower_spread(form: Form, scope: Scope, fresh: bool) -> list[Record] | None:
    """Lower a scatter whose values see the taps at most by a recorded position; None where `form` is no such one."""
    values = _values(form, scope)
    if values is None:
        return None
    place = tuple(r.index for r in values.kept)
    made = Tensor("", tuple(r.extent for r in values.kept))
    records: list[Record] = []
    array, scale = values.array, None
    if array is None:
        made = scope.declare("factor", made.shape)
        array = Access(made.name, *place)
        records += lower_taps(Form(made, place, values.kept, values.scale), scope, fresh=True)
    elif values.scale != 1:
        scale = pointwise(Form(made, place, values.kept, values.scale))
    scope.tensors.setdefault(form.target.name, form.target)
    target = Access(form.target.name, *form.place)
    box = (*values.kept, *values.taps)
    described, view = window(target, replace(form, box=box), scope, described=True)
    argument = values.argument.tensor if values.argument is not None else None
    allocate: list[Record] = [Allocate(form.target.name, form.target.shape, None)] if fresh else []
    spread = Spread(described.tensor, array.tensor, values.kept, values.taps, scale, argument, not fresh)
    return [*allocate, *records, view, spread]


def _values(form: Form, scope: Scope) -> _Values | None:
    factors = Mul.make_args(form.body)
    bracket = next((f for f in factors if isinstance(f, equal) and _recorded(f, scope) is not None), None)
    rest = [f for f in factors if f != bracket]
    seen = set().union(*(f.free_symbols for f in rest))
    taps = tuple(r for r in form.box if r.index not in seen)
    if form.contracted or not is_window(form.place, form, {r.index for r in taps}):
        return None
    guarded = ends([g.value for g in form.guards], [g.extent for g in form.guards])
    plain = all(scope.plain(a, form) for a in accesses(form.body))
    if not plain or not set(guarded) <= set(ends(form.place, form.target.shape)):
        return None
    if bracketed_division(Mul(*rest), form):
        return None
    number = len(form.box) - len(taps)
    array = next((f for f in rest if isinstance(f, Access) and len(f.indices) == number), None)
    placed = tuple(v for e in form.place for v in affine(e, form.indices).indices if v in seen)
    order = array.indices if array is not None else placed
    kept = tuple(form.range(v) for v in order)
    argument = None
    if bracket is not None:
        argument = _recorded(bracket, scope)
        if argument is None or argument.indices != order or position(taps) not in bracket.args:
            return None
    scale = Mul(*(f for f in rest if f != array))
    if array is None or is_large(scale, kept) or any(is_indicator(f) for f in rest):
        array, scale = None, Mul(*rest)
    return _Values(array, scale, argument, kept, taps)


def _recorded(bracket: equal, scope: Scope) -> Access | None:
    """The integers that a bracket compares with a position."""
    return next((a for a in bracket.args if isinstance(a, Access) and scope.tensors[a.tensor].integer), None)


def ends(values: Sequence[Expr], extents: Sequence[Expr]) -> list[tuple[Expr, Expr]]:
    """The brackets ``0 <= value < extent``, to be compared."""
    return [(sympy.expand(v), sympy.expand(e)) for v, e in zip(values, extents, strict=True)]


def is_window(positions: Sequence[Expr], form: Form, taps: Collection[Symbol]) -> bool:
    """Whether windows slide along some axes, each by an index of its own, while all other axes have no taps."""
    seen: list[Symbol] = []
    slides = False
    for expression in positions:
        parts = affine(expression, form.indices)
        within = [v for v in parts.indices if v in taps]
        steps = [v for v in parts.indices if v not in taps]
        if len(within) > len(steps) or len(steps) > 1 or any(sign(parts.coefficient(v)) != 1 for v in steps):
            return False
        slides |= bool(within)
        seen += parts.indices
    return slides and len(seen) == len(set(seen)) and set(seen) == set(form.indices)


def is_large(factor: Expr, kept: Sequence[Range]) -> bool:
    """Whether a factor differs from element to element: then it is no vector or table that is small beside them."""
    return any(a.free_symbols >= {r.index for r in kept} for a in accesses(factor))
