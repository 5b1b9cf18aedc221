"""Plan -> Plan without copies that only rename: a whole array that becomes another one element by element is a view."""

from collections.abc import Collection, Sequence

from gradscribe.codegen.numpy.plan import Allocate, Record, Split, Update, effects
from gradscribe.derive.ir.term import Access


def origins(records: Sequence[Record]) -> dict[str, str]:
    """View -> the array whose memory it holds in the end."""
    found: dict[str, str] = {}
    for view, source in effects(*records).views.items():
        found[view] = found.get(source, source)
    return found


def without_copies(records: Sequence[Record], returned: Collection[str]) -> list[Record]:
    """Whole arrays that are copied element by element into a new array become that array, reshaped."""
    found = list(records)
    place = 0
    while place < len(found):
        alias = _alias(found, place, returned)
        if alias is not None:
            made, length = alias
            found[place : place + length] = [made]
        place += 1
    return found


def _alias(records: Sequence[Record], place: int, returned: Collection[str]) -> tuple[Split, int] | None:
    """The reshape that does for an allocation and the copy that follows it, and how many records it replaces."""
    first = records[place]
    if not isinstance(first, Allocate) or first.name in returned or first.integer:
        return None
    after = records[place + 1 : place + 3]
    view = after[0] if after and isinstance(after[0], Split) and after[0].source == first.name else None
    copy = after[1 if view is not None else 0] if len(after) > (view is not None) else None
    if not isinstance(copy, Update) or copy.target.array != (view.name if view is not None else first.name):
        return None
    source = _copied(copy)
    length = 3 if view is not None else 2
    if source is None:
        return None
    known = origins(records)
    origin = known.get(source, source)
    same = {first.name, origin, *(v for v, array in known.items() if array in (first.name, origin))}
    if origin in returned or effects(*records[place + length :]).writes & same:
        return None
    return Split(first.name, source, first.shape), length


def _copied(update: Update) -> str | None:
    """The array that an update copies whole, element after element in the same order; None if it does not."""
    if not update.is_sum or not isinstance(update.body, Access) or update.summed or update.clipped or update.argument:
        return None
    source = dict(update.slices)[update.body]
    plain = all(
        f.plain() is not None if v is not None else f.expression() == 0
        for part in (source, update.target)
        for f, v in zip(part.positions, part.vectors, strict=True)
    )
    return source.array if plain and source.axes == update.target.axes else None
