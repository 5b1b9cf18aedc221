"""What a statement is that one pass over elements computes, and the loops of several such statements together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from sympy import Add, Expr, Integer, Symbol

from gradscribe.codegen.kernel.form import Form
from gradscribe.codegen.loops import BLOCK, Nest, computable
from gradscribe.codegen.numpy.lower.loops.joint_axes import Joint, joint
from gradscribe.codegen.numpy.plan import Record
from gradscribe.derive.ir.index import floordiv
from gradscribe.derive.ir.term import Access, Range, accesses


class Kind(Enum):
    """What a pass does with the elements that it visits."""

    ELEMENTS = "pointwise"
    ROWS = "row_sums"
    COLUMNS = "column_sums"


@dataclass(frozen=True)
class Pass:
    """A statement as loops over elements.

    Attributes:
        kind: whether elements are stored, or added up along rows, or along columns.
        form: what it computes, of arrays that there are.
        order: its indices in the order of the axes.
        inside: what is computed for each element.
        outside: what multiplies a sum then.
        before: the records that make some of the arrays.
        fresh: whether the target is new; else it is added to.
        worth: whether it is worth loops by itself.
    """

    kind: Kind
    form: Form
    order: tuple[Symbol, ...]
    inside: Expr
    outside: Expr
    before: tuple[Record, ...]
    fresh: bool = True
    worth: bool = True

    @property
    def place(self) -> tuple[Expr, ...]:
        """Where the target is written."""
        return self.form.place

    @property
    def extents(self) -> tuple[Expr, ...]:
        """The extents of all axes."""
        return tuple(self.form.range(v).extent for v in self.order)

    def along(self, order: Sequence[Symbol]) -> "Pass":
        """The same with other indices, those of the axes in order."""
        named: dict[Expr, Expr] = dict(zip(self.order, order, strict=True))
        form = replace(
            self.form,
            place=tuple(e.xreplace(named) for e in self.place),
            box=tuple(Range(dict(zip(self.order, order, strict=True))[r.index], r.extent) for r in self.form.box),
            body=self.form.body.xreplace(named),
        )
        inside, outside = self.inside.xreplace(named), self.outside.xreplace(named)
        return replace(self, form=form, order=tuple(order), inside=inside, outside=outside)


def loops_of(passes: Sequence[Pass]) -> Nest | None:
    """The loops that compute all of them, row by row; None where there are no such."""
    first = passes[0]
    same = [p.along(first.order) for p in passes]
    read = [a.indices for p in same for e in (p.inside, p.outside) for a in accesses(e) if a.indices]
    axes = joint(first.order, [*(p.place for p in same), *read], same[0].form)
    if not all(_fits(p, axes) for p in same):
        return None
    nests = [_nest(p, axes) for p in same]
    return nests[0] if len(nests) == 1 else _together(nests)


def _fits(p: Pass, axes: Joint) -> bool:
    """Whether sums are along the innermost axes, or along all but these and the outermost ones."""
    if not all(computable(e, p.form.indices) for e in (p.inside, p.outside)):
        return False
    placed = [r.index in p.form.placed for r in axes.ranges]
    if p.kind is Kind.ROWS:
        return len(placed) > 1 and all(placed[:-1]) and not placed[-1]
    return p.kind is Kind.ELEMENTS or (len(placed) > 1 and placed[-1] and not any(placed[1:-1]) and not all(placed))


def _nest(p: Pass, axes: Joint) -> Nest:
    *outer, vector = axes.ranges
    place = axes.indices(p.place)
    parted = p.kind is Kind.COLUMNS and outer[0].index not in place
    blocked = parted and len(outer) == 1
    if blocked:
        blocks = Range(Symbol("block", integer=True, nonnegative=True), floordiv(outer[0].extent + BLOCK - 1, BLOCK))
        outer = [blocks, *outer]
    place = (outer[0].index, *place) if parted else place
    name, whole = p.form.target.name, Add(p.inside, *accesses(p.outside), evaluate=False)
    shapes = dict(axes.shapes(name, p.place, whole))
    shapes |= {name: (outer[0].extent, *shapes[name])} if parted else {}
    return Nest(
        kind=p.kind.value,
        target=name,
        place=place,
        op=p.form.op,
        body=axes.body(p.inside),
        after=axes.body(p.outside),
        shapes=tuple(shapes.items()),
        outer=tuple(outer),
        taps=(),
        vector=vector,
        brackets=(),
        parted=parted,
        blocked=blocked,
        adds=not p.fresh,
    )


def _together(nests: Sequence[Nest]) -> Nest:
    first = nests[0]
    shapes = {name: shape for nest in nests for name, shape in nest.shapes}
    targets = {nest.target: shapes[nest.target] for nest in nests}
    body = Add(*(e for nest in nests for e in (nest.body, nest.after)), evaluate=False)
    return replace(
        first, kind="rows", body=body, after=Integer(1), shapes=tuple((targets | shapes).items()), members=tuple(nests)
    )


def reads(p: Pass) -> list[Access]:
    """What it reads."""
    return [a for e in (p.inside, p.outside) for a in accesses(e) if a.indices]
