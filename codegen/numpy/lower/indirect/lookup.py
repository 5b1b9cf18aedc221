"""Indirect reads and writes: the bracket ``[v = t[n]]`` of an index and a label is a lookup, not a product with it.

Where the bracket holds, v is the label: what the other factors read at v is read at the labels (gather), and what the
target sees at v is added at the labels (scatter). The index v is gone then, and with it a loop over all its values.
A label that is no position of v makes the bracket false: it reads 0 and adds nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import sympy
from sympy import Dummy, Expr, Integer, Mul, Symbol

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.slices.taps import lower_taps, window
from gradscribe.codegen.numpy.plan import (
    Allocate,
    ContractByLabel,
    Gather,
    Known,
    LabelExtrema,
    Labels,
    Positions,
    Record,
    ScatterAdd,
    Slice,
    Update,
)
from gradscribe.derive.calculus.collapse import vanishing_accesses
from gradscribe.derive.calculus.passes.positions import is_label
from gradscribe.derive.ir.functions import admission, equal, is_indicator
from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Access, Range, Statement, Tensor, accesses

Lower = Callable[[Form, Scope, bool], list[Record]]


@dataclass(frozen=True)
class Lookup:
    """The bracket that says that `index` is `label`."""

    bracket: Expr
    index: Symbol
    label: Expr


def lower_lookups(form: Form, scope: Scope, fresh: bool, lower: Lower) -> list[Record] | None:
    """Lower `form` by lookups where its brackets allow it; None when they do not.

    Args:
        form: what is computed.
        scope: the tensors known; views and temporaries are declared there.
        fresh: whether the target does not exist yet.
        lower: lowers the form that is left.
    """
    found = lookups(form, scope)
    if not found:
        return _in_a_plane(form, scope, fresh, lower)
    if len(found) == 1 and (by_label := _by_label(found[0], form, scope, fresh)) is not None:
        return by_label
    records, labels = _label_arrays(found, form, scope)
    brackets = [k.bracket for k in found]
    body = Mul(*(f for f in Mul.make_args(form.body) if f not in brackets))
    body, made = _gathered(body, labels, form, scope)
    summed = [k for k in labels if k.index not in form.placed]
    known, masks = _known([k for k in summed if not _vanishes(body, made, k)], form, scope)
    box = tuple(r for r in form.box if all(r.index != k.index for k in labels))
    left = replace(form, box=box, body=Mul(body, *known))
    if fresh and made and isinstance(made[-1], Gather) and _is_result(left, made[-1], scope):
        return [*records, *made[:-1], replace(made[-1], name=form.target.name)]
    records += [*made, *masks]
    if len(summed) == len(labels):
        return [*records, *lower(left, scope, fresh)]
    if fresh:
        records.append(Allocate(form.target.name, form.target.shape, 0))
    return [*records, *_scattered(left, [k for k in labels if k not in summed], scope, lower)]


def _in_a_plane(form: Form, scope: Scope, fresh: bool, lower: Lower) -> list[Record] | None:
    """Lower what is written at one position of an axis, such as a real part, by lookups: apart from the others."""
    place = tuple(e for e in form.place if not e.is_Integer)
    if len(place) == len(form.place) or not lookups(replace(form, place=place, target=_without(form)), scope):
        return None
    made = scope.declare("plane", _without(form).shape)
    records = lower_lookups(replace(form, place=place, target=made), scope, True, lower)
    added = Form(form.target, form.place, tuple(map(form.range, place)), Access(made.name, *place))
    return None if records is None else [*records, *lower_taps(added, scope, fresh)]


def _without(form: Form) -> Tensor:
    """The target of a form without the axes of which it writes one position."""
    shape = zip(form.place, form.target.shape, strict=True)
    return replace(form.target, shape=tuple(extent for e, extent in shape if not e.is_Integer))


def looks_up(form: Form, scope: Scope) -> bool:
    """Whether a form is lowered by lookups."""
    return bool(lookups(form, scope))


def adds_at_labels(statement: Statement) -> bool:
    """Whether a statement writes where labels say, so that most of its target gets nothing from it."""
    brackets = [f for f in Mul.make_args(statement.term.body) if isinstance(f, equal) and accesses(f)]
    return any(r.index in f.args for f in brackets for r in statement.term.free)


def _by_label(lookup: Lookup, form: Form, scope: Scope, fresh: bool) -> list[Record] | None:
    """A product of matrices for each label: where a row meets the matrix that its label says, or adds to it.

    None where it is no such product: each index but row and label is one of just two of both factors and the result.
    """
    others = [f for f in Mul.make_args(form.body) if f != lookup.bracket]
    factors = [f for f in others if f.free_symbols & set(form.indices)]
    rows = [v for v in form.indices if v in lookup.label.free_symbols]
    places = tuple(e for e in form.place if isinstance(e, Symbol))
    if len(factors) != 2 or len(rows) != 1 or form.guards or len(places) < len(form.place):
        return None
    if not all(isinstance(f, Access) and scope.plain(f, form) for f in factors):
        return None
    fits = all(scope.fits(e, extent, form) for e, extent in zip(form.place, form.target.shape, strict=True))
    seen = [set(f.indices) for f in factors] + [set(places)]
    found = {v: sum(v in own for own in seen) for v in form.indices}
    (row,) = rows
    others_twice = all(n == 2 for v, n in found.items() if v not in (row, lookup.index))
    if not fits or not others_twice or found[lookup.index] != 1 or found[row] != 2:
        return None
    left, right = factors
    apart = [own - {row, lookup.index} for own in seen]
    if not all(apart[a] & apart[b] for a, b in ((0, 1), (0, 2), (1, 2)) if row not in seen[a] or row not in seen[b]):
        return None  # rows are added, or multiplied by numbers: nothing is read for several of them
    array, made = computed_labels(lookup.label, form, scope)
    labels = Labels(lookup.index, array.tensor, array.indices)
    extent = form.range(lookup.index).extent
    scale = Mul(*(f for f in others if f not in factors))
    ranges = tuple(r for r in form.box if r.index != lookup.index)
    sides = left.tensor, right.tensor, left.indices, right.indices
    return [*made, ContractByLabel(form.target.name, *sides, places, labels, extent, scale, ranges, not fresh)]


def lower_label_extrema(form: Form, scope: Scope, lower: Lower) -> list[Record] | None:
    """Lower an extremum of the rows that have a label, to an array that does not exist yet; None for others."""
    conditions, value = admission(form.body)
    if form.is_sum or len(conditions) != 1 or not isinstance(conditions[0], equal) or form.guards:
        return None
    if len(form.contracted) != 1 or not all(
        isinstance(e, Symbol) and scope.fits(e, s, form) for e, s in zip(form.place, form.target.shape, strict=True)
    ):
        return None
    (row,) = form.contracted
    for index, label in (conditions[0].args, conditions[0].args[::-1]):
        rows = label.free_symbols & set(form.indices)
        if index in form.placed and is_label(label, index, scope.tensors) and rows == {row}:
            break
    else:
        return None
    if index in value.free_symbols or row not in value.free_symbols or form.position not in (row, 0):
        return None
    if not form.placed - {index} <= value.free_symbols:
        return None
    array, records = computed_labels(label, form, scope)
    if isinstance(value, Access) and scope.plain(value, form):
        source = value
    else:
        axes = tuple(row if v == index else v for v in form.place)
        made = scope.declare("compared", [form.range(v).extent for v in axes])
        source = Access(made.name, *axes)
        records += lower(Form(made, axes, tuple(form.range(v) for v in axes), value), scope, True)
    labels = Labels(index, array.tensor, array.indices)
    argument = form.argument.name if form.argument is not None else None
    places = tuple(e for e in form.place if isinstance(e, Symbol))
    extent = form.range(index).extent
    made_of = source.tensor, source.indices, places, labels, extent, argument
    return [*records, LabelExtrema(form.target.name, form.op, *made_of)]


# ----- which brackets -----------------------------------------------------------------------------------------------
def lookups(form: Form, scope: Scope) -> list[Lookup]:
    """The brackets whose index can be eliminated, no label depending on another one's index."""
    chosen: list[Lookup] = []
    if not form.is_sum:
        return chosen
    brackets = [f for f in Mul.make_args(form.body) if isinstance(f, equal)]
    for bracket in sorted(brackets, key=sympy.default_sort_key):
        for index, label in (bracket.args, bracket.args[::-1]):
            apart = all(
                index not in k.label.free_symbols | {k.index} and k.index not in label.free_symbols for k in chosen
            )
            if apart and index in form.indices and is_label(label, index, scope.tensors):
                lookup = Lookup(bracket, index, label)
                if _eliminable(lookup, form, scope):
                    chosen.append(lookup)
                    break
    return chosen


def _eliminable(lookup: Lookup, form: Form, scope: Scope) -> bool:
    """Whether nothing but whole axes, of the other factors and of the target, sees the index."""
    index = lookup.index
    if any(index in g.value.free_symbols for g in form.guards):
        return False
    if index in form.placed:
        whole = all(
            not e.is_Integer and scope.fits(e, s, form) for e, s in zip(form.place, form.target.shape, strict=True)
        )
        if not whole or len(set(form.place)) < len(form.place):
            return False
    others = Mul(*(f for f in Mul.make_args(form.body) if f != lookup.bracket))
    read = accesses(others)
    if index in others.xreplace({a: Dummy() for a in read}).free_symbols:
        return False
    return all(_reads_whole_axis(a, index, form, scope) for a in read if index in a.free_symbols)


def _reads_whole_axis(access: Access, index: Symbol, form: Form, scope: Scope) -> bool:
    axes = [k for k, e in enumerate(access.indices) if index in e.free_symbols]
    extent = scope.tensors[access.tensor].shape[axes[0]]
    return len(axes) == 1 and access.indices[axes[0]] == index and scope.fits(index, extent, form)


# ----- arrays -------------------------------------------------------------------------------------------------------
def _label_arrays(lookups: Iterable[Lookup], form: Form, scope: Scope) -> tuple[list[Record], list[Labels]]:
    """Per lookup an array of labels with one axis per index."""
    records: list[Record] = []
    found = []
    for lookup in lookups:
        plain, made = computed_labels(lookup.label, form, scope)
        records += made
        found.append(Labels(lookup.index, plain.tensor, plain.indices))
    return records, found


def computed_labels(label: Expr, form: Form, scope: Scope) -> tuple[Access, list[Record]]:
    """An array of the values of `label` with one axis per index of it, and what makes it."""
    plain, views = _plain(label, form, scope)
    if isinstance(plain, Access):
        return plain, views
    made, positions = _positions(plain, form, scope)
    return made, [*views, positions]


def _plain(label: Expr, form: Form, scope: Scope) -> tuple[Expr, list[Record]]:
    """`label` read through views, so that it reads whole axes only."""
    views = {a: window(a, form, scope) for a in accesses(label) if not scope.plain(a, form)}
    return label.xreplace({a: view for a, (view, _) in views.items()}), [record for _, record in views.values()]


def _positions(label: Expr, form: Form, scope: Scope) -> tuple[Access, Positions]:
    """An array of the values of an expression."""
    ranges = _ranges(label.free_symbols, form)
    axes = tuple(r.index for r in ranges)
    made = scope.declare("labels", [r.extent for r in ranges], integer=True)
    place = Slice(made.name, tuple(affine(v, axes) for v in axes), axes)
    slices = tuple((a, Slice(a.tensor, tuple(affine(e, axes) for e in a.indices), a.indices)) for a in accesses(label))
    return Access(made.name, *axes), Positions(made.name, Update(place, "+=", label, slices, axes, (), (), ranges))


def _gathered(body: Expr, labels: list[Labels], form: Form, scope: Scope) -> tuple[Expr, list[Record]]:
    """`body` with everything that reads a looked-up index replaced by arrays read at the labels."""
    records: list[Record] = []
    mapping: dict[Expr, Expr] = {}
    for access in accesses(body):
        used = tuple(k for k in labels if k.index in access.free_symbols)
        if not used:
            continue
        source, views = _plain(access, form, scope)
        joint = _ranges({v for k in used for v in k.axes}, form)
        looked = {*(r.index for r in joint), *(k.index for k in used)}
        axes = joint + tuple(form.range(v) for v in source.indices if v not in looked)
        made = scope.declare("gathered", [r.extent for r in axes], scope.tensors[access.tensor].integer)
        mapping[access] = Access(made.name, *(r.index for r in axes))
        records += [*views, Gather(made.name, source.tensor, source.indices, used, axes)]
    return body.xreplace(mapping), records


def _is_result(left: Form, made: Gather, scope: Scope) -> bool:
    """Whether the array gathered is the whole target."""
    access = Access(made.name, *(r.index for r in made.axes))
    whole = left.body == access and left.place == access.indices and not left.contracted and not left.guards
    fits = all(scope.fits(e, extent, left) for e, extent in zip(left.place, left.target.shape, strict=True))
    return whole and fits and not scope.tensors[made.name].integer


def _ranges(indices: Iterable[Expr], form: Form) -> tuple[Range, ...]:
    wanted = set(indices)
    return tuple(r for r in form.box if r.index in wanted)


# ----- labels that are no position ----------------------------------------------------------------------------------
def _vanishes(body: Expr, made: list[Record], label: Labels) -> bool:
    """Whether `body` is 0, and not infinity times 0, where `label` is no position: the zeros gathered do it."""
    zero = {r.name for r in made if isinstance(r, Gather) and label in r.labels}
    zeros = [a for a in vanishing_accesses(body) if a.tensor in zero]
    rest = [f for f in Mul.make_args(body) if f not in zeros]
    return bool(zeros) and all(is_indicator(f) or not accesses(f) for f in rest)


def _known(labels: list[Labels], form: Form, scope: Scope) -> tuple[list[Expr], list[Record]]:
    """The brackets that the labels are positions, and what computes them."""
    brackets: list[Expr] = []
    records: list[Record] = []
    for label in labels:
        made = scope.declare("known", [form.range(v).extent for v in label.axes])
        records.append(Known(made.name, label.array, form.range(label.index).extent))
        brackets.append(equal(Access(made.name, *label.axes), Integer(1)))
    return brackets, records


# ----- scatter ------------------------------------------------------------------------------------------------------
def _scattered(form: Form, labels: list[Labels], scope: Scope, lower: Lower) -> list[Record]:
    """Compute what is added, over the labels' indices and the target's, and add it at the labels."""
    place = tuple(e for e in form.place if isinstance(e, Symbol))
    joint = {v for k in labels for v in k.axes}
    kept = {*place, *joint}
    used = form.body.free_symbols.union(*(g.value.free_symbols for g in form.guards))
    box = tuple(r for r in form.box if r.index not in kept or r.index in used)
    rows = sorted((r.index for r in box if r.index in kept), key=lambda v: v not in joint)
    axes = tuple(rows)  # a row for each label, as they are added
    ranges = tuple(r for r in form.box if r.index in kept)
    if len(axes) == len(box) and not form.guards and isinstance(form.body, Access) and scope.plain(form.body, form):
        return [ScatterAdd(form.target.name, place, form.body.tensor, form.body.indices, tuple(labels), ranges)]
    made = scope.declare("rows", [form.range(v).extent for v in axes])
    inner = Form(made, axes, box, form.body, form.guards)
    return [
        *lower(inner, scope, True),
        ScatterAdd(form.target.name, place, made.name, axes, tuple(labels), ranges),
    ]
