"""What a statement is that one pass over elements computes, and the loops of several such statements together."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from sympy import Add, Expr, Integer, Mul, Symbol

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.loops import BLOCK, Groups, Nest, all_bodies, computable
from gradscribe.codegen.numpy.lower.loops.passes.grouping import Grouping
from gradscribe.codegen.numpy.lower.loops.passes.joint_axes import Joint, joint
from gradscribe.codegen.numpy.lower.loops.passes.sharing import shared
from gradscribe.codegen.numpy.plan import Record
from gradscribe.derive.ir.index import floordiv, integer, same
from gradscribe.derive.ir.term import Access, Range, accesses


class Kind(Enum):
    """What a pass does with the elements that it visits."""

    ELEMENTS = "pointwise"
    ROWS = "row_sums"
    COLUMNS = "column_sums"
    NUMBERS = "row_numbers"


AGAIN = Kind.ELEMENTS.value, Kind.COLUMNS.value
"""What there is where rows are read again for squares about their means."""


@dataclass(frozen=True)
class Pass:
    """A statement as loops over elements.

    Attributes:
        kind: whether elements are stored, or added up along rows, or along columns, or there is a number for each row.
        form: what it computes, of arrays that there are.
        order: its indices in the order of the axes.
        inside: what is computed for each element.
        outside: what multiplies a sum then.
        entire: `inside` of arrays that there are without `before`.
        before: the records that make some of the arrays.
        fresh: whether the target is new; else it is added to.
        worth: whether it is worth loops by itself.
        grouping: which arrays have one element for a group of neighbours.
        parted: the arrays that are read at positions of an axis, with their shapes.
    """

    kind: Kind
    form: Form
    order: tuple[Symbol, ...]
    inside: Expr
    outside: Expr
    entire: Expr
    before: tuple[Record, ...]
    fresh: bool = True
    worth: bool = True
    grouping: Grouping | None = None
    parted: Mapping[str, tuple[Expr, ...]] = field(default_factory=dict)

    @property
    def undivided(self) -> "Pass":
        """The same without arrays that are made before."""
        form = replace(self.form, body=self.entire * self.outside if self.outside != 1 else self.entire)
        return replace(self, form=form, inside=self.entire, before=())

    @property
    def place(self) -> tuple[Expr, ...]:
        """Where the target is written."""
        return self.form.place

    @property
    def extents(self) -> tuple[Expr, ...]:
        """The extents of all axes."""
        return tuple(self.form.range(v).extent for v in self.order)

    def along(self, order: Sequence[Symbol]) -> "Pass":
        """The same with other indices, those of the axes in order; a number for each row has the first ones."""
        order = tuple(order[: len(self.order)])
        indices = dict(zip(self.order, order, strict=True))
        if all(v == index for v, index in indices.items()):
            return self
        named: dict[Expr, Expr] = {**indices}
        form = replace(
            self.form,
            place=tuple(e.xreplace(named) for e in self.place),
            box=tuple(Range(indices[r.index], r.extent) for r in self.form.box),
            body=self.form.body.xreplace(named),
            guards=tuple(g.substitute(named) for g in self.form.guards),
        )
        grouping = self.grouping and replace(self.grouping, whole=indices[self.grouping.whole])
        inside, outside, entire = (e.xreplace(named) for e in (self.inside, self.outside, self.entire))
        return replace(self, form=form, order=order, inside=inside, outside=outside, entire=entire, grouping=grouping)


def loops_of(passes: Sequence[Pass], local: Collection[str] = ()) -> Nest | None:
    """The loops that compute all of them, row by row; None where there are no such.

    Args:
        passes: what is computed.
        local: the arrays among the targets that nobody reads elsewhere; they are none of the loops' arrays.
    """
    first, staged = passes[0], in_stages(passes)
    along = [(p.undivided if staged else p).along(first.order) for p in passes]
    read = [a.indices for p in along for e in (p.inside, p.outside) for a in accesses(e) if a.indices]
    asked = [(v,) for p in along for g in p.form.guards for v in p.order if v in g.value.free_symbols]
    parts = {name: shape for p in along for name, shape in p.parted.items()}
    axes = joint(first.order, [*(p.place for p in along), *read, *asked], along[0].form, parts)
    if staged:
        return _in_stages(along, axes, local)
    if not all(_fits(p, axes) for p in along):
        return None
    parted = any(p.kind is Kind.COLUMNS for p in along)
    outer = axes.ranges[:-1]
    if parted and len(outer) == 1:
        rows = outer[0].extent
        blocks = Range(Symbol("block", integer=True, nonnegative=True), floordiv(rows + BLOCK - 1, BLOCK))
        outer = (blocks, *outer)
    blocked = len(outer) == len(axes.ranges)
    nests = shared([replace(_nest(p, axes), outer=outer, parted=parted, blocked=blocked) for p in along])
    if len(nests) == 1:
        return nests[0]
    whole = _together([_localised(n, local) for n in nests], local)
    if len(whole.stages) == 1:
        return whole
    twice = len(whole.stages) == 2 and blocked  # a few rows of a block are read again
    return whole if twice and all(n.kind in AGAIN and not n.brackets for n in nests) else None


def is_spread(p: Pass, others: Collection[Pass]) -> bool:
    """Whether a sum over rows is one of squares about the mean of the same elements, which another one makes."""
    times = Counter(other.form.target.name for other in others)
    return p.kind is Kind.COLUMNS and any(_is_about(p, mean) for mean in others if times[mean.form.target.name] == 1)


def _is_about(p: Pass, mean: Pass) -> bool:
    count = Mul(*(mean.form.range(v).extent for v in mean.form.contracted))
    averages = mean.kind is Kind.COLUMNS and mean.fresh and p.fresh and same(mean.outside * count, Integer(1))
    distance = mean.inside - Access(mean.form.target.name, *mean.place)
    return averages and p.inside in (distance**2, (-distance) ** 2)


def in_stages(passes: Sequence[Pass]) -> bool:
    """Whether sums over rows are there when those of the outermost index are done, or groups have a number each."""
    return any(p.grouping or (p.kind is Kind.COLUMNS and p.order[0] in p.place) for p in passes)


def _in_stages(passes: Sequence[Pass], axes: Joint, local: Collection[str]) -> Nest | None:
    """The loops that compute, for each value of the outermost index, one stage after the other."""
    first, *middle, vector = axes.ranges
    for p in passes:
        placed = [r.index in p.form.placed for r in axes.ranges]
        summed = placed[0] and placed[-1] and not any(placed[1:-1])
        fits = p.kind is Kind.ELEMENTS or (p.kind is Kind.COLUMNS and bool(middle) and summed)
        if not fits or p.form.guards or not all(computable(e, p.form.indices) for e in (p.inside, p.outside)):
            return None
    found = [p.grouping for p in passes if p.grouping]
    arrays = frozenset[str]().union(*(g.arrays for g in found))
    rows = {r.index for r in middle}
    if any(not same(g.groups.size, found[0].groups.size) or g.whole != vector.index for g in found):
        return None
    if any(rows & set(axes.indices(a.indices)) for p in passes for a in reads(p) if a.tensor in arrays):
        return None
    nests = [replace(_localised(_nest(p, axes), local), outer=(first, *middle), brackets=()) for p in passes]
    if found:
        groups = _apart(found[0].groups, passes[0].order)
        nests = [_grouped(n, groups, arrays) for n in nests]
    whole = _together(nests, local)
    return replace(whole, kind="stages")


def _apart(groups: Groups, order: Collection[Symbol]) -> Groups:
    """The groups with an index that no axis has: statements come with indices of their own."""
    index = groups.range.index
    while index in order:
        index = integer(f"{index.name}_")
    return replace(groups, range=Range(index, groups.range.extent))


def _grouped(nest: Nest, groups: Groups, arrays: Collection[str]) -> Nest:
    """The same, in which arrays of groups have an axis of these."""
    v = nest.vector
    elements = {Access(nest.target, *nest.place), *(a for e in (nest.body, nest.after) for a in accesses(e))}
    own: dict[Expr, Access] = {
        a: Access(a.tensor, *(groups.range.index if e == v.index else e for e in a.indices))
        for a in elements
        if a.tensor in arrays
    }
    target = own.get(Access(nest.target, *nest.place))
    shapes = {name: (*shape[:-1], groups.range.extent) if name in arrays else shape for name, shape in nest.shapes}
    return replace(
        nest,
        place=nest.place if target is None else target.indices,
        body=nest.body.xreplace(own),
        after=nest.after.xreplace(own),
        shapes=tuple(shapes.items()),
        groups=groups,
    )


def _fits(p: Pass, axes: Joint) -> bool:
    """Whether sums are along the innermost axes, or along all but these."""
    if not all(computable(e, p.form.indices) for e in (p.inside, p.outside)):
        return False
    placed = [r.index in p.form.placed for r in axes.ranges]
    if p.kind in (Kind.ROWS, Kind.NUMBERS):
        return len(placed) > 1 and all(placed[:-1]) and not placed[-1]
    return p.kind is Kind.ELEMENTS or (len(placed) > 1 and placed[-1] and not any(placed[:-1]))


def _nest(p: Pass, axes: Joint) -> Nest:
    *outer, vector = axes.ranges
    name, whole = p.form.target.name, Add(p.inside, *accesses(p.outside), evaluate=False)
    return Nest(
        kind=p.kind.value,
        target=name,
        place=axes.indices(p.place),
        op=p.form.op,
        body=axes.body(p.inside),
        after=axes.body(p.outside),
        shapes=axes.shapes(name, p.place, whole),
        outer=tuple(outer),
        taps=(),
        vector=vector,
        brackets=p.form.guards,
        adds=not p.fresh,
    )


def _localised(nest: Nest, local: Collection[str]) -> Nest:
    """The same where arrays that are local have an axis for the innermost index only, or one element."""
    v = nest.vector
    elements = {Access(nest.target, *nest.place), *(a for e in (nest.body, nest.after) for a in accesses(e))}
    here: dict[Expr, Access] = {
        a: Access(a.tensor, v.index if v.index in a.indices else Integer(0)) for a in elements if a.tensor in local
    }
    target = here.get(Access(nest.target, *nest.place))
    short = {a.tensor: (v.extent if v.index in a.indices else Integer(1),) for a in here.values()}
    return replace(
        nest,
        place=nest.place if target is None else target.indices,
        body=nest.body.xreplace(here),
        after=nest.after.xreplace(here),
        shapes=tuple((dict(nest.shapes) | short).items()),
    )


def _together(nests: Sequence[Nest], local: Collection[str]) -> Nest:
    shapes = {name: shape for nest in nests for name, shape in nest.shapes}
    first = next(nest for nest in nests if nest.target not in local)
    targets = {nest.target: shapes[nest.target] for nest in nests if nest.target not in local}
    return replace(
        first,
        kind="rows",
        body=all_bodies(nests),
        after=Integer(1),
        brackets=(),
        shapes=tuple((targets | shapes).items()),
        members=tuple(nests),
        local=tuple(name for name in dict.fromkeys(nest.target for nest in nests) if name in local),
    )


def reads(p: Pass) -> list[Access]:
    """What it reads."""
    return [a for e in (p.inside, p.outside) for a in accesses(e) if a.indices]
