"""The record of loops that are compiled: what a plan holds of them, and what their text is written from."""

from collections.abc import Iterable
from dataclasses import dataclass

import sympy
from sympy import Add, Expr, Symbol

from gradscribe.derive.ir.index import affine
from gradscribe.derive.ir.term import Access, Guard, Range, accesses

FEWEST_STEPS = 1 << 15
"""Steps of loops below which nobody waits for a compiler, as the runtime has it: no loops are written for fewer."""


BLOCK = 1024
"""Rows of a block, where sums over rows are divided."""


@dataclass(frozen=True)
class Groups:
    """Groups of neighbours along the innermost index, which arrays may have one element for: ``m[g]`` for C*g + c.

    Attributes:
        range: the index of groups, and how many there are.
        size: the elements of a group.
    """

    range: Range
    size: Expr


def all_bodies(members: "Iterable[Nest]") -> Expr:
    """What members compute, as one expression: it tells which arrays they read."""
    return Add(*(e for member in members for e in (member.body, member.after)), evaluate=False)


def outermost(expression: Expr) -> tuple[Access, ...]:
    """The accesses that stand in no subscript of another one, in the same order: ``x[f[n]]`` of ``x[f[n]] + 1``."""
    found: dict[Access, None] = {}
    walk = sympy.preorder_traversal(expression)
    for node in walk:
        if isinstance(node, Access):
            found.setdefault(node)
            walk.skip()
    return tuple(sorted(found, key=lambda a: (a.tensor, sympy.default_sort_key(a))))


@dataclass(frozen=True)
class Nest:
    """Loops over single elements, which are compiled: ``target[place] op= body`` for every point of the box.

    Attributes:
        kind: how the loops are arranged: "gather", "scatter", "reduce", "result_rows", "summed_rows", "column_sums",
            "row_sums", "pointwise", "rows", several of the last three and of "row_numbers", or "stages", several of
            which later ones read sums over the rows of the outermost index; "at_labels", several of "pointwise",
            "row_sums" and "added" that read or write where arrays of integers say; see `codegen.loops`.
        target: the array written, new and not yet filled.
        place: where, per axis.
        op: the word of the reduction.
        body: the scalar expression.
        after: what a finished sum is multiplied by.
        shapes: array -> shape, of all arrays.
        outer: the indices of the outer loops, in order.
        taps: the indices of few values: positions within a window.
        vector: the index of the innermost loop, along which arrays are contiguous.
        brackets: what restricts the box.
        argument: of one that selects: the array that records positions, or "".
        position: the number recorded.
        blocked: whether the outermost index is that of blocks of rows; the rows are the next one.
        adds: whether the target is added to, and not new.
        members: of kind "rows": the nests that are computed row by row, one after the other; the target is the first's.
        parted: whether each value of the outermost index has sums of its own, which are added up at the end.
        local: the arrays among the targets of which there is one row only, or one element: nobody reads them elsewhere.
        groups: those that arrays read or written with their index have.
    """

    kind: str
    target: str
    place: tuple[Expr, ...]
    op: str
    body: Expr
    after: Expr
    shapes: tuple[tuple[str, tuple[Expr, ...]], ...]
    outer: tuple[Range, ...]
    taps: tuple[Range, ...]
    vector: Range
    brackets: tuple[Guard, ...]
    argument: str = ""
    position: Expr = sympy.S.Zero
    parted: bool = False
    blocked: bool = False
    adds: bool = False
    members: "tuple[Nest, ...]" = ()
    local: tuple[str, ...] = ()
    groups: Groups | None = None

    @property
    def written(self) -> tuple[str, ...]:
        """The arrays that are written, without those that are local."""
        targets = dict.fromkeys(m.target for m in self.members or (self,) if m.target not in self.local)
        return (*targets, *([self.argument] if self.argument else []))

    @property
    def stages(self) -> "tuple[tuple[Nest, ...], ...]":
        """Members that are computed in one sweep over the rows: none reads a sum over them that another makes."""
        found: list[list[Nest]] = [[]]
        sums: set[str] = set()
        for member in self.members or (self,):
            if sums & {a.tensor for a in accesses(member.body)}:
                found.append([])
                sums = set()
            found[-1].append(member)
            sums |= {member.target} if member.kind == "column_sums" else set()
        return tuple(map(tuple, found))

    @property
    def crossing(self) -> set[str]:
        """The arrays of elements that one stage makes and a later one reads: these are whole arrays."""
        read: set[str] = set()
        found: set[str] = set()
        for stage in reversed(self.stages):
            found |= read & {m.target for m in stage if m.kind == "pointwise"}
            read |= {a.tensor for m in stage for a in accesses(m.body)}
        return found

    @property
    def labels(self) -> set[str]:
        """The arrays of integers that say where elements are: subscripts read them, and brackets."""
        members = (self, *self.members)
        places = (e for m in members for e in (*m.place, *(b.value for b in m.brackets)))
        read = (e for m in members for body in (m.body, m.after) for a in accesses(body) for e in a.indices)
        return {a.tensor for e in (*places, *read) for a in accesses(e)}

    @property
    def ranges(self) -> tuple[Range, ...]:
        """All indices with their extents."""
        return (*self.outer, *self.taps, self.vector)

    @property
    def steps(self) -> tuple[Symbol, ...]:
        """The steps in which windows move along the target; () where they do not."""
        outer = tuple(r.index for r in self.outer)
        found = (c for e in self.place for v, c in affine(e, self.order).terms if v in outer)
        return tuple(dict.fromkeys(c for c in found if isinstance(c, Symbol))) if self.kind == "scatter" else ()

    @property
    def order(self) -> tuple[Symbol, ...]:
        """The indices from the outermost loop to the innermost one."""
        last = self.outer[-1:] if self.kind == "reduce" else ()
        outer = self.outer[:-1] if last else self.outer
        return tuple(r.index for r in (*outer, *self.taps[:-1], *last, *self.taps[-1:], self.vector))
