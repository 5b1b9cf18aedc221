"""Forms that look elements up -> loops that read and write where labels say, several statements in one nest.

``y[n,i,c] = a[n,i] Σ_q x[n,q,c] [q=f[n,i]]`` reads ``x[n, f[n,i], c]``, a row of memory. Neighbouring statements read
theirs in the same round, where NumPy would make an array of each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

from sympy import Dummy, Expr, Integer, Mul, Symbol, prod

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.loops import Nest, all_bodies, computable, outermost
from gradscribe.codegen.numpy.lower.context import Scope
from gradscribe.codegen.numpy.lower.indirect.lookup import Lower, lookups, lower_lookups
from gradscribe.codegen.numpy.plan import Allocate, ContractByLabel, Define, Record
from gradscribe.derive.ir.functions import is_indicator
from gradscribe.derive.ir.index import affine, integer
from gradscribe.derive.ir.term import Access, Guard, Range, accesses

ONCE, ALONE = "once", "alone"
"""The indices of loops of one round: the outermost one where labels alone say what is added to, so that all of the
target belongs to it, and the innermost one where no array has neighbours."""

MOST_FACTOR = 64
"""The largest factor of a label: what is made of labels has to be an integer of 64 bits."""

POINTWISE, ROW_SUMS, ADDED = "pointwise", "row_sums", "added"


@dataclass(frozen=True)
class LabelPass:
    """A statement that reads or writes where labels say, as loops.

    Attributes:
        nest: its loops, one of the members of those that a function calls.
    """

    nest: Nest

    @property
    def extents(self) -> tuple[Expr, ...]:
        """The extents of all loops."""
        return tuple(r.extent for r in self.nest.ranges)

    @property
    def steps(self) -> Expr:
        """The steps of all loops together."""
        return prod(self.extents, start=Integer(1))

    def along(self, first: "LabelPass") -> "LabelPass":
        """The same with the indices of another one, in order."""
        nest, other = self.nest, first.nest
        named: dict[Expr, Expr] = {r.index: own.index for r, own in zip(nest.ranges, other.ranges, strict=True)}
        return LabelPass(
            replace(
                nest,
                place=tuple(e.xreplace(named) for e in nest.place),
                body=nest.body.xreplace(named),
                after=nest.after.xreplace(named),
                outer=other.outer,
                vector=other.vector,
                brackets=tuple(b.substitute(named) for b in nest.brackets),
            )
        )


def where_labels_say(
    form: Form, scope: Scope, fresh: bool, lower: Lower
) -> tuple[LabelPass, tuple[Allocate, ...], tuple[Record, ...]] | None:
    """The loops that compute a form where labels say, the array made for it, and what NumPy does; None without."""
    found = _label_pass(form, scope, fresh)
    if found is None or not scope.takes_long(found.steps):
        return None
    lowered = lower_lookups(form, scope, fresh, lower) or []
    if any(isinstance(r, ContractByLabel) for r in lowered):
        return None
    made = _made(form, lowered) if fresh else (None, lowered)
    if made is None:
        return None
    array, otherwise = made
    return found, ((array,) if array is not None else ()), tuple(otherwise)


def _made(form: Form, lowered: list[Record]) -> tuple[Allocate, list[Record]] | None:
    """The array that records make and two ways write, and what is left of them; None where there is no such."""
    made = Allocate(form.target.name, form.target.shape, None)
    match lowered:
        case [*before, Define(name=form.target.name) as defined]:
            return made, [*before, replace(defined, into=True)]
    filled = [r for r in lowered if isinstance(r, Allocate) and r.name == form.target.name]
    return (filled[0], [r for r in lowered if r != filled[0]]) if filled else None


def _label_pass(form: Form, scope: Scope, fresh: bool) -> LabelPass | None:
    """The loops that compute a form by its lookups; None where there are none, or NumPy is as fast.

    Args:
        form: what is computed.
        scope: the tensors known.
        fresh: whether the target is new; else it is added to.
    """
    found = lookups(form, scope)
    if not found or form.guards or form.argument is not None:
        return None
    brackets = [k.bracket for k in found]
    labels: dict[Expr, Expr] = {k.index: k.label for k in found}
    if not all(_is_simple(k.label, form, scope) for k in found):
        return None
    body = Mul(*(f for f in Mul.make_args(form.body) if f not in brackets)).xreplace(labels)
    left = replace(
        form,
        place=tuple(e.xreplace(labels) for e in form.place),
        box=tuple(r for r in form.box if r.index not in labels),
        body=body,
        guards=tuple(Guard(k.label, form.range(k.index).extent) for k in found),
    )
    read = outermost(body)
    real = all(not scope.tensors[a.tensor].integer for a in read)
    if not real or not computable(body, left.indices) or not all(_stays(a, left, scope) for a in read):
        return None
    if isinstance(body, Access) and (fresh or all(e.is_Symbol for e in body.indices)):
        return None  # rows are taken, or added, as they are
    if left.contracted and not any(set(left.indices) <= a.free_symbols for a in read):
        return None  # a product of matrices
    return _arranged(left, read, scope, fresh)


def _is_simple(label: Expr, form: Form, scope: Scope) -> bool:
    """Whether a label is a sum of elements, indices and a number, so that it is counted easily."""
    read = accesses(label)
    if not all(scope.plain(a, form) for a in read):
        return False
    symbols: dict[Expr, Symbol] = {a: Dummy(integer=True) for a in read}
    terms = affine(label.xreplace(symbols), (*symbols.values(), *form.indices)).terms
    return all(c.is_Integer and abs(int(c)) <= MOST_FACTOR for _, c in terms)


def _stays(access: Access, form: Form, scope: Scope) -> bool:
    """Whether all subscripts of an access but labels go along whole axes, or are positions that there are."""
    axes = zip(access.indices, scope.tensors[access.tensor].shape, strict=True)
    return all(e.has(Access) or scope.fits(e, extent, form) for e, extent in axes)


def _arranged(form: Form, read: Sequence[Access], scope: Scope, fresh: bool) -> LabelPass | None:
    """The loops of a form that reads and writes at labels."""
    order = _order(form, read)
    if not order:
        return None
    first, last = order[0], order[-1]
    axes = [*zip(form.place, form.target.shape, strict=True)]
    asked = {v for g in form.guards for v in g.value.free_symbols}
    along = last not in asked and all(a.indices[-1] == last for a in read if last in a.free_symbols)
    along = along and len(order) > 1 and (last not in form.placed or form.place[-1] == last)
    labelled = any(e.has(Access) for e in form.place)
    kind = ADDED
    if not labelled and not form.contracted:
        kind = POINTWISE
    elif not labelled and along and form.contracted == (last,):
        kind = ROW_SUMS
    elif last in form.contracted:
        along = False
    plain = [e for e in form.place if not e.has(Access)]
    fits = all(e.has(Access) or scope.fits(e, extent, form) for e, extent in axes)
    if not fits or len(set(plain)) < len(plain):
        return None
    once = kind == ADDED and form.place[:1] != (first,)
    if kind == ADDED and (set(order) <= set(plain) or (once and not labelled)):
        return None  # each element is added to once, or all to one: NumPy does that in a line
    ranges = [form.range(v) for v in order]
    if not along:
        ranges.append(_round(ALONE, form))
    place, shape = form.place, form.target.shape
    if once:
        whole = _round(ONCE, form)
        ranges, place, shape = [whole, *ranges], (whole.index, *place), (whole.extent, *shape)
    factors = Mul.make_args(form.body)
    apart = [f for f in factors if last not in f.free_symbols and not is_indicator(f)] if kind == ROW_SUMS else []
    after = Mul(*apart)
    shapes = {form.target.name: shape}
    shapes |= {a.tensor: scope.tensors[a.tensor].shape for a in accesses(form.body)}
    shapes |= {a.tensor: scope.tensors[a.tensor].shape for g in form.guards for a in accesses(g.value)}
    return LabelPass(
        Nest(
            kind=kind,
            target=form.target.name,
            place=place,
            op=form.op,
            body=Mul(*(f for f in factors if f not in apart)),
            after=after,
            shapes=tuple(shapes.items()),
            outer=tuple(ranges[:-1]),
            taps=(),
            vector=ranges[-1],
            brackets=form.guards,
            adds=not fresh,
        )
    )


def _round(word: str, form: Form) -> Range:
    """A loop of one round, whose index has a name that nothing has."""
    taken = {s.name for r in form.box for s in (r.index, *r.extent.free_symbols)}
    return Range(integer(next(n for n in (f"{word}{'_' * k}" for k in count()) if n not in taken)), Integer(1))


def _order(form: Form, read: Sequence[Access]) -> tuple[Symbol, ...]:
    """The indices in the order of the axes of something that has all of them, the first axis of the target first."""
    places = [form.place, *(a.indices for a in read)]
    plain = ([e for e in place if isinstance(e, Symbol) and e in form.indices] for place in places)
    whole = next((found for found in plain if set(found) == set(form.indices)), list(form.indices))
    front = [e for e in form.place[:1] if e in whole]
    return tuple(dict.fromkeys([*front, *whole]))


def joins(group: Sequence[LabelPass], new: LabelPass) -> bool:
    """Whether a statement can be computed with those before it: none reads what another one of them writes.

    Of an array that is not added to at labels, they write one element in a round.
    """
    every = [*group, new]
    written = {p.nest.target for p in every}
    read = {name for p in every for e in (p.nest.body, p.nest.after) for name in (a.tensor for a in accesses(e))}
    kinds = {(p.nest.target, p.nest.kind) for p in every}
    if new.extents != group[0].extents or written & read or len(kinds) > len(written):
        return False
    there = [p.along(group[0]).nest for p in every if p.nest.kind != ADDED]
    return len({(nest.target, nest.place) for nest in there}) == len({nest.target for nest in there})


def together(passes: Sequence[LabelPass]) -> Nest:
    """The loops of several statements."""
    members = tuple(p.along(passes[0]).nest for p in passes)
    shapes = {name: shape for m in members for name, shape in m.shapes}
    targets = {m.target: shapes[m.target] for m in members}
    adds = {m.target: m.adds for m in reversed(members)}
    return replace(
        members[0],
        kind="at_labels",
        body=all_bodies(members),
        after=Integer(1),
        brackets=(),
        shapes=tuple((targets | shapes).items()),
        members=members,
        adds=adds[members[0].target],
    )
