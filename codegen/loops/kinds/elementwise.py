"""Row by row: elements are computed from those at the same place, or added up along the row.

One pass instead of one per operation; what several statements read of a row is in the cache.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

from sympy import Add, Expr

from gradscribe.codegen.loops.kinds.row_sums import lanes, sum_row
from gradscribe.codegen.loops.nest import Nest
from gradscribe.codegen.loops.writing.loop_writer import Base, Writer
from gradscribe.codegen.python.expression import Expression
from gradscribe.codegen.python.scalars.scalar import ZERO
from gradscribe.codegen.python.statement import Assign
from gradscribe.derive.ir.term import Access


def write(w: Writer) -> Expr:
    """Write the loops; returns the extent that is divided into parts."""
    nest, start, stop = w.nest, w.name("start"), w.name("stop")
    members = nest.members or (nest,)
    if not nest.outer:
        _elements(w, members, _bases(w, members), start, stop)
        return nest.vector.extent
    summed = any(member.kind == "row_sums" for member in members)
    sums = lanes(w) if summed else None
    first, *middle = nest.outer
    with w.loop(w.index(first.index), start, stop), w.loops(middle):
        bases = _bases(w, members)
        for number, (kind, group) in enumerate(groupby(members, key=lambda member: member.kind)):
            if kind == "pointwise":
                _elements(w, tuple(group), bases, ZERO, w.integer(nest.vector.extent))
                continue
            for k, member in enumerate(group):
                if sums is not None:
                    sum_row(w, member, bases, sums, w.name(f"total_{number}_{k}"))
    return first.extent


def _bases(w: Writer, members: Sequence[Nest]) -> Mapping[Access, Base]:
    """Where all that is read and written begins in a row."""
    targets = (Access(member.target, *member.place) for member in members)
    return w.bases(Add(*targets, *(e for m in members for e in (m.body, m.after)), evaluate=False))


def _elements(
    w: Writer, members: Sequence[Nest], bases: Mapping[Access, Base], low: Expression, high: Expression
) -> None:
    """The loop over elements next to each other; what has been read is not read again, so no target is among it."""
    for group in _unread(members):
        with w.along(low, high):
            for member in group:
                value = w.value(member.body, bases, {})
                element = w.element(member.target, bases[Access(member.target, *member.place)], {})
                w.put(Assign(element, value, "+=" if member.adds else "="))


def _unread(members: Sequence[Nest]) -> list[list[Nest]]:
    """Members in groups none of which writes what it has read."""
    groups: list[list[Nest]] = [[]]
    read: set[str] = set()
    for member in members:
        if member.target in read:
            groups.append([])
            read = set()
        groups[-1].append(member)
        read |= {name for name, _ in member.shapes if name != member.target}
    return groups
