"""The strategy that always applies: Python loops over few small indices, whole slices for the rest.

After fixing the looped indices every axis of every access depends on at most one vector index, so it is a slice; where
it would leave the array the vector index is clipped, which costs a few integer operations and needs no padded copy. An
access that may not be clipped (its being 0 does not make the summand 0) is read through a zero-padded window.
Pointwise programs are the special case without loops.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, combinations

import sympy
from sympy import Expr, Mul, Symbol

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.products.operands import bracketed_division
from gradscribe.codegen.numpy.lower.slices.blocks import summed
from gradscribe.codegen.numpy.plan import (
    Allocate,
    Clip,
    Count,
    Define,
    Loop,
    Record,
    Scale,
    Slice,
    Update,
    When,
    Window,
)
from gradscribe.derive.calculus.collapse import vanishing_accesses
from gradscribe.derive.ir.functions import is_indicator
from gradscribe.derive.ir.index import Affine, affine, bounds, sign
from gradscribe.derive.ir.reductions import REDUCTIONS
from gradscribe.derive.ir.term import Access, Guard, Range, accesses, position

FEW = 128
"""Summands of a result that are computed at once, however many results there are."""


@dataclass(frozen=True)
class _Bracket:
    """``0 <= value < extent`` to be met by clipping or a condition."""

    value: Expr
    extent: Expr


def lower_sums(form: Form, scope: Scope, fresh: bool) -> list[Record]:
    """As `lower_taps`, in blocks where the summands to be added up would be more than any array has elements."""
    seen, windows = _read_through_windows(form, scope)
    if not _widens(seen, scope, {w.name for w in windows}):
        return [*windows, *_loops(form, seen, scope, fresh)]
    parts = summed(seen, scope, partial(lower_taps, fresh=False))
    return [*windows, *(_allocate(form) if fresh else []), *parts]


def _widens(form: Form, scope: Scope, views: set[str]) -> bool:
    """Whether computed summands, those of one round of the loops, have indices together that no array has."""
    vectors = set(form.indices) - set(choose_loops(form, scope))
    summands = sympy.prod([form.range(v).extent for v in form.contracted if v in vectors], start=sympy.S.One)
    if multiplies(form.body) or (summands.is_Integer and summands <= FEW):
        return False
    stored = [form.place, *(a.indices for a in accesses(form.body) if a.tensor not in views)]
    seen = (set().union(*(e.free_symbols for e in place)) for place in stored)
    return not any(vectors <= found for found in seen)


def multiplies(body: Expr) -> bool:
    """Whether summands are elements, or products of two: none is computed before it is added up."""
    factors = [f for f in Mul.make_args(body) if f.has(Access)]
    return len(factors) <= 2 and all(isinstance(f, Access) for f in factors) and len(accesses(body)) == len(factors)


def lower_taps(form: Form, scope: Scope, fresh: bool) -> list[Record]:
    """Lower `form` to loops over slices; `fresh` when the target does not exist yet."""
    seen, windows = _read_through_windows(form, scope)
    return [*windows, *_loops(form, seen, scope, fresh)]


def _loops(given: Form, form: Form, scope: Scope, fresh: bool) -> list[Record]:
    """The loops for a `form` that reads what may leave its array through windows; `given` is what it was before."""
    count = _count(form) if fresh else None
    if count is not None:
        return [count]
    loops = choose_loops(form, scope)
    vectors = tuple(v for v in form.indices if v not in loops)
    restricted = brackets(form, scope)
    clips, conditions = _clips(form, restricted, vectors)
    inner, outer = _independent(form, scope, loops) if fresh else (form, None)
    update = _update(inner, vectors, tuple(c.index for c in clips))
    if fresh and not (loops or clips or conditions) and _covers(form, scope):
        return [Define(form.target.name, update)]
    allocated = _allocate(form) if fresh else []
    body: list[Record] = (
        [When(conditions, tuple(c.index for c in clips), (update,))] if clips or conditions else [update]
    )
    body = _nest(given, loops, restricted, clips, body)
    scaled = [Scale(pointwise(outer))] if outer is not None else []
    return [*allocated, *body, *scaled]


def _count(form: Form) -> Count | None:
    """What `form` counts, if all it sums up is 1 wherever brackets hold: no loop, however many there are."""
    if not form.is_sum or form.body != 1 or len(form.box) != 2 or len(form.contracted) != 1 or len(form.place) != 1:
        return None
    along = affine(form.place[0], form.indices).plain()
    (counted,) = form.contracted
    if along is None or form.range(along).extent != form.target.shape[0]:
        return None
    found = []
    for guard in form.guards:
        parts = affine(guard.value, form.indices)
        step, factor = parts.coefficient(along), parts.coefficient(counted)
        if sign(factor) != 1:
            return None
        found.append((step, factor, sympy.expand(guard.value - step * along - factor * counted), guard.extent))
    return Count(form.target.name, form.range(along), form.range(counted), tuple(found)) if found else None


def _read_through_windows(form: Form, scope: Scope) -> tuple[Form, list[Window]]:
    """Read through zero-padded views what may leave its array and may not be clipped."""
    clippable = vanishing_accesses(form.body) if form.is_sum else ()
    guarded = {(sympy.expand(g.value), sympy.expand(g.extent)) for g in form.guards}
    records: list[Window] = []
    mapping: dict[Expr, Expr] = {}
    for access in accesses(form.body):
        shape = scope.tensors[access.tensor].shape
        loose = [
            e
            for e, extent in zip(access.indices, shape, strict=True)
            if not scope.inside(e, extent, form) and (sympy.expand(e), sympy.expand(extent)) not in guarded
        ]
        if loose and access not in clippable:
            mapping[access], record = window(access, form, scope)
            records.append(record)
    return replace(form, body=form.body.xreplace(mapping)), records


def window(access: Access, form: Form, scope: Scope, described: bool = False) -> tuple[Access, Window]:
    """A view of `access` with one axis per index it uses; for a contraction it need only be `described`."""
    source = scope.tensors[access.tensor]
    used = tuple(r for r in form.box if any(r.index in e.free_symbols for e in access.indices))
    view = scope.declare(f"{source.name}_", [r.extent for r in used], source.integer)
    positions = tuple(affine(e, form.indices) for e in access.indices)
    return Access(view.name, *(r.index for r in used)), Window(view.name, source.name, used, positions, described)


def _positions(form: Form) -> list[tuple[Affine, ...]]:
    """Per array (target and accesses) its affine positions."""
    groups = [form.place, *(a.indices for a in accesses(form.body))]
    return [tuple(affine(e, form.indices) for e in group) for group in groups]


def choose_loops(form: Form, scope: Scope) -> tuple[Symbol, ...]:
    """The cheapest set of indices to loop over so that the rest can be sliced."""
    groups = _positions(form)
    single = [affine(g.value, form.indices) for g in form.guards]
    forms = [*chain.from_iterable(groups), *single]
    forced = {v for f in forms for v, c in f.terms if sign(c) == 0}
    if form.argument is not None and not _searchable(form):
        forced |= set(form.contracted) | (form.position.free_symbols & set(form.indices))
    if not form.is_sum:  # one over nothing is its identity, also of what does not depend on the index
        forced |= {v for v in form.contracted if v not in form.body.free_symbols}
    coupled = {v for f in forms if len(f.terms) > 1 for v in f.indices}
    repeated = {v for g in groups for v in form.indices if sum(v in f.indices for f in g) > 1}
    candidates = [v for v in form.indices if v in (coupled | repeated) - forced]
    base = [v for v in form.indices if v in forced]
    met = {frozenset(f.indices) for f in forms}

    def sliceable(loops: set[Symbol]) -> bool:
        return repeated <= loops and all(len(indices - loops) <= 1 for indices in met)

    subsets = chain.from_iterable(combinations(candidates, k) for k in range(len(candidates) + 1))
    valid = [set(s) | set(base) for s in subsets if sliceable(set(s) | set(base))]
    best = min(valid, key=lambda s: (scope.volume([form.range(v) for v in form.indices if v in s]), len(s)))
    return tuple(v for v in form.indices if v in best)


def _searchable(form: Form) -> bool:
    """Whether one search over whole axes finds an extremum and its position: no window, no bracket."""
    groups = [form.place, *(a.indices for a in accesses(form.body))]
    plain = all(e.is_Symbol for g in groups for e in g) and all(len(set(g)) == len(g) for g in groups)
    contracted = form.contracted
    ordered = form.position == position(tuple(form.range(v) for v in contracted))
    return plain and ordered and not form.guards and set(contracted) <= form.body.free_symbols


def brackets(form: Form, scope: Scope) -> list[_Bracket]:
    """What restricts the box: guards, the target's axes, and accesses that read 0 outside; not what always holds."""
    places = [(g.value, g.extent) for g in form.guards]
    places += zip(form.place, form.target.shape, strict=True)
    if form.is_sum:
        for access in accesses(form.body):
            places += zip(access.indices, scope.tensors[access.tensor].shape, strict=True)
    return [_Bracket(e, s) for e, s in dict.fromkeys(places) if not scope.inside(e, s, form)]


def _clips(form: Form, brackets: list[_Bracket], vectors: tuple[Symbol, ...]) -> tuple[list[Clip], tuple[Guard, ...]]:
    """Brackets with a vector index become its clip, the others conditions."""
    constraints: dict[Symbol, list[tuple[Expr, Expr, Expr]]] = {}
    conditions = []
    for bracket in brackets:
        parts = affine(bracket.value, form.indices)
        vector = next((v for v in parts.indices if v in vectors), None)
        if vector is None:
            conditions.append(Guard(bracket.value, bracket.extent))
            continue
        slope = parts.coefficient(vector)
        constraints.setdefault(vector, []).append((slope, sympy.expand(bracket.value - slope * vector), bracket.extent))
    clips = [Clip(v, form.range(v).extent, tuple(constraints[v])) for v in vectors if v in constraints]
    return clips, tuple(conditions)


def pointwise(form: Form) -> Update:
    """The update of all elements at once, each by what its own indices say."""
    return _update(form, form.indices, ())


def _update(form: Form, vectors: tuple[Symbol, ...], clipped: tuple[Symbol, ...]) -> Update:
    target = _slice(form.target.name, form.place, form, vectors)
    summed = tuple(v for v in vectors if v not in target.axes)
    axes = target.axes + summed
    slices = tuple((a, _slice(a.tensor, a.indices, form, vectors)) for a in accesses(form.body))
    argument = None
    if form.argument is not None:
        argument = (_slice(form.argument.name, form.place, form, vectors), form.position)
    op = "+=" if form.is_sum else form.op
    ranges = tuple(form.range(v) for v in axes)
    return Update(target, op, form.body, slices, axes, summed, clipped, ranges, argument)


def _slice(array: str, positions: tuple[Expr, ...], form: Form, vectors: tuple[Symbol, ...]) -> Slice:
    forms = tuple(affine(e, form.indices) for e in positions)
    return Slice(array, forms, tuple(next((v for v in f.indices if v in vectors), None) for f in forms))


def _covers(form: Form, scope: Scope) -> bool:
    """Whether the expression alone yields the whole new target, of the right shape and type and not a mere view."""
    plain = all(scope.fits(e, s, form) and not e.is_Integer for e, s in zip(form.place, form.target.shape, strict=True))
    seen = [v for v in form.indices if v in form.placed]
    present = all(v in form.body.free_symbols for v in seen)
    return plain and present and form.argument is None and _is_computed(form, scope)


def _is_computed(form: Form, scope: Scope) -> bool:
    real = any(not scope.tensors[a.tensor].integer for a in accesses(form.body) if not _in_indicator(form.body, a))
    return real and (bool(form.contracted) or not isinstance(form.body, Access))


def _in_indicator(body: Expr, access: Access) -> bool:
    stripped = body.xreplace({f: sympy.Integer(1) for f in body.atoms(sympy.Function) if is_indicator(f)})
    return not stripped.has(access)


def _allocate(form: Form) -> list[Record]:
    records: list[Record] = [Allocate(form.target.name, form.target.shape, REDUCTIONS[form.op].identity)]
    if form.argument is not None:
        records.append(Allocate(form.argument.name, form.argument.shape, -1, integer=True))
    return records


def _nest(
    form: Form, loops: tuple[Symbol, ...], brackets: Sequence[_Bracket], clips: list[Clip], body: list[Record]
) -> list[Record]:
    """Wrap `body` into the loops; a clip stands right inside the innermost loop that it depends on."""
    placed = list(clips)
    for index in reversed(loops):
        mine = [c for c in placed if any(index in e.free_symbols for _, b, _ in c.constraints for e in (b,))]
        placed = [c for c in placed if c not in mine]
        body = [Loop(index, form.range(index).extent, (*mine, *body), _reaching(form, index, brackets))]
    return [*placed, *body]


def _reaching(form: Form, index: Symbol, brackets: Sequence[_Bracket]) -> Clip | None:
    """The range of a looped `index` outside of which a bracket is false whatever the other indices are.

    None where an array has an axis for the index: there are no more values of it than elements.
    """
    groups = (form.place, *(a.indices for a in accesses(form.body)))
    if any(e == index for group in groups for e in group):
        return None
    others = {r.index: r.extent for r in form.box if r.index != index}
    found = []
    for bracket in brackets:
        parts = affine(bracket.value, form.indices)
        slope = parts.coefficient(index)
        reach = bounds(sympy.expand(bracket.value - slope * index), others) if slope != 0 else None
        if reach is not None:
            low, high = reach
            found.append((slope, high, sympy.expand(bracket.extent + high - low)))
    return Clip(index, form.range(index).extent, tuple(found)) if found else None


def _independent(form: Form, scope: Scope, loops: tuple[Symbol, ...]) -> tuple[Form, Form | None]:
    """Take factors that no loop and no sum sees out of the sum: they scale the finished target once."""
    if not form.is_sum or not loops or any(affine(e, form.indices).plain() is None for e in form.place):
        return form, None
    factors = Mul.make_args(form.body)
    outside = [
        f
        for f in factors
        if accesses(f)
        and not isinstance(f, Access)
        and not f.free_symbols & set(form.contracted)
        and not bracketed_division(f, form)
        and all(scope.plain(a, form) for a in accesses(f))
    ]
    if not outside or not form.placed.isdisjoint(loops):
        return form, None
    inside = Mul(*(f for f in factors if f not in outside))
    box: tuple[Range, ...] = tuple(form.range(e) for e in form.place)
    return replace(form, body=inside), replace(form, body=Mul(*outside), box=box, guards=())
