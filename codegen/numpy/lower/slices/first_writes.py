"""Records -> records in which what is added first to new zeros is stored: nothing is cleared, and nothing read."""

from collections.abc import Sequence
from dataclasses import replace

from sympy import Expr, Integer

from gradscribe.codegen.numpy.plan import Allocate, Equation, Record, Update, effects

Places = tuple[Expr | None, ...]
"""Of each axis the place that is written; None for all of the axis."""


def stored(records: Sequence[Record]) -> tuple[Record, ...]:
    """Records in which the first parts of a new array that together are all of it are stored, not added to zeros.

    They stand behind its allocation, with nothing but equations between.
    """
    found = list(records)
    for place, record in enumerate(found):
        if isinstance(record, Allocate) and record.fill == 0 and not record.integer:
            adding = _adding(record.name, found, place + 1)
            first = _whole(record.shape, [_places(update, record.shape) for update in adding.values()])
            if first:
                found[place] = replace(record, fill=None)
                for k in [*adding][:first]:
                    found[k] = replace(adding[k], op="=")
    return tuple(found)


def _adding(name: str, records: Sequence[Record], start: int) -> dict[int, Update]:
    """The next records that add to an array and do not read it otherwise, equations between them left out."""
    found: dict[int, Update] = {}
    for k in range(start, len(records)):
        record = records[k]
        if isinstance(record, Update) and record.op == "+=" and record.target.array == name:
            if name in effects(replace(record, op="=")).reads:
                break
            found[k] = record
        elif not isinstance(record, Equation):
            break
    return found


def _places(update: Update, shape: Sequence[Expr]) -> Places | None:
    """Where an update writes; None where that depends on clips or loops, or goes in steps."""
    extents = {r.index: r.extent for r in update.ranges if r.index not in update.clipped}
    found: list[Expr | None] = []
    for at, vector, extent in zip(update.target.positions, update.target.vectors, shape, strict=True):
        all_of_it = vector is not None and at.plain() == vector and extents.get(vector) == extent
        if not all_of_it and at.indices:
            return None
        found.append(None if all_of_it else at.offset)
    return tuple(found)


def _whole(shape: Sequence[Expr], parts: Sequence[Places | None]) -> int:
    """How many of the first parts are all of that shape and do not overlap: one, or all places of an axis; else 0."""
    if not parts or parts[0] is None:
        return 0
    along = [axis for axis, place in enumerate(parts[0]) if place is not None]
    if not along:
        return 1
    (axis, *others), extent = along, shape[along[0]]
    count = int(extent) if extent.is_Integer else 0
    rest = (None,) * len(shape)
    each = {(*rest[:axis], Integer(k), *rest[axis + 1 :]) for k in range(count)}
    return count if not others and set(parts[:count]) == each else 0
