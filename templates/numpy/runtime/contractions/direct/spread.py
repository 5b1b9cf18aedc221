"""Schedules whose vectors have several values of an index besides the columns, where these are too few.

That is an index that all arrays have, such as groups of channels, or one that is summed over, such as positions along a
row of an image: then each of its values has a sum of its own, and these are added up at the end.
"""

from typing import NamedTuple

from .blocked import in_chunks
from .box import Box, box_of
from .loops import ONCE, Loop, all_joined, volume
from .places import SLIDES, at_a_time
from .schedule import CHAIN, MOST_ACROSS, MOST_SUMMED, Machine, Roles, Schedule, Spread, oriented
from .tile import MOST_VECTORS, Tile, tile_with

FIRST_CACHE = 32 << 10
"""Bytes of the second factor that whole sums read again and again."""

BOX, BOX_SHARE = 24 << 10, 4
"""Bytes of a box where more than one row reads it, and the share of the cache of a block that it may have at most."""

FARTHEST = 4
"""Vectors from which one is made at most: numbers of a group for each of its lanes."""

LEAST_ROWS = 4
"""Rows of a tile for which there are registers."""

WASTE = 1.1
"""How much wider than what they hold the vectors of some groups may be where more groups fill them better."""

LEAST_CHUNKS = 4
"""Chunks of a sum that threads share."""

ENOUGH_PARTS, MOST_CROSSED = 16, 8
"""Parts that can be shared among threads, and rows that read a box."""


class Grouped(NamedTuple):
    """The roles of the indices, and what of the first factor a vector reads.

    Attributes:
        roles: with a vector along groups and their columns; the first factor is copied.
        spread: how lanes read it.
        group: the groups of a vector, or of some next to each other.
        blocks: the loop over these, if there are several.
        beside: the index whose values lie next to each other for each group.
        abreast: how many sums there are of each element of the result.
    """

    roles: Roles
    spread: Spread
    group: Loop
    blocks: tuple[Loop, ...]
    beside: Loop
    abreast: int


def spread_sums(r: Roles, machine: Machine) -> Schedule | None:
    """The schedule of what has fewer columns than half a vector, and groups; None of all else, or where none fits."""
    g = _grouped(r, machine) if not r.along and 2 * r.vector.extent <= r.lanes else None
    if g is None:
        return None
    return _blocked(g) if g.spread.rows or g.abreast > 1 else _whole(g)


def _grouped(plain: Roles, machine: Machine) -> Grouped | None:
    r = oriented(plain.c, plain.swapped, machine, copied=True)
    assert r is not None
    columns = r.vector
    shared = next((v for v in r.free if v.name in r.c.batch and v.out == columns.extent and v.a > 0), None)
    group = shared or _abreast(r)
    if group is None:
        return None
    beside = next((v for v in (r.row, *r.summed) if v.a == 1 and v.extent == group.a), ONCE)
    rows = max(LEAST_ROWS, beside.extent if beside is r.row else 0)
    most = min(MOST_VECTORS, (r.registers - 2) // (rows + SLIDES))
    if shared is not None:
        number = _groups(group.extent, columns.extent, r.lanes, most)
    else:  # one vector: a tile has all the more rows
        number = _largest_divisor(group.extent, r.lanes // columns.extent)
    if group.a != beside.extent or beside.extent > FARTHEST * columns.extent or number == 1:
        return None
    b = columns.b if group.b == columns.extent * columns.b else 0
    vector = Loop(f"{group.name}\N{MIDDLE DOT}{columns.name}", number * columns.extent, 1, b, 1)
    spread = Spread(columns.extent, beside.extent, beside is r.row, columns.b, group.b, beside.b)
    several = (group.every(number),) if number < group.extent else ()
    if shared is not None:
        free = tuple(v for v in r.free if v is not group)
        return Grouped(
            r._replace(vector=vector, free=free, along=True), spread, group.first(number), several, beside, 1
        )
    summed = tuple(part for v in r.summed for part in (several if v is group else (v,)))
    roles = r._replace(vector=vector, summed=summed, along=True)
    return Grouped(roles, spread, group.first(number), (), beside, number)


def _abreast(r: Roles) -> Loop | None:
    """The index that is summed over and whose values lie, columns and all, next to each other in the second factor."""
    outer, *inner = r.summed or (ONCE,)
    if not in_chunks(r) or outer.extent < LEAST_CHUNKS or len(inner) < 2 or r.row.extent + SLIDES + 2 > r.registers:
        return None
    return next((v for v in inner if v.b == r.vector.extent and r.vector.b == 1 and v.a > 0), None)


def _largest_divisor(number: int, most: int) -> int:
    return next(n for n in range(min(number, most), 0, -1) if number % n == 0)


def _groups(groups: int, columns: int, lanes: int, most: int) -> int:
    """How many groups a block has: as few as fill its vectors, of which there are at most so many."""
    found = [n for n in range(1, groups + 1) if groups % n == 0 and -(-n * columns // lanes) <= most]
    waste = {n: -(-n * columns // lanes) * lanes / (n * columns) for n in found}
    return next((n for n in found if waste[n] <= WASTE), min(found, key=waste.__getitem__, default=1))


def _box(g: Grouped, within: tuple[Loop, ...], around: tuple[Loop, ...], several: bool) -> Box | None:
    """The box, if what vectors read lies next to each other in it, and it stays in the cache."""
    box = box_of(g.roles.c.left, (*(loop for loop in within if loop.steps), g.group), around, g.roles.itemsize)
    tight = box.within(g.group).a == g.beside.extent and (g.beside is ONCE or box.within(g.beside).a == 1)
    most = BOX if several else g.roles.cache // BOX_SHARE
    return box if tight and box.size * g.roles.itemsize <= most else None


def _whole(g: Grouped) -> Schedule | None:
    """A tile is summed up at once: what it reads of the second factor stays in the cache."""
    r = g.roles
    if r.depth > CHAIN or r.depth * r.vector.extent * r.itemsize > FIRST_CACHE:
        return None
    several = len(r.free) > 1
    across, others = (r.free[-1], r.free[:-1]) if several else (ONCE, r.free)
    cut, most = (across, MOST_CROSSED) if several else (r.row, r.row.extent)
    number, box = max(1, min(cut.extent, most, volume((*r.free, *g.blocks)) * cut.extent // ENOUGH_PARTS)), None
    while number and box is None:
        around = (cut.every(number),) if number < cut.extent else ()
        crossed, rows = (number, r.row.extent) if several else (1, number)
        parts = (*others, *around, *g.blocks)
        box = _box(g, (across.first(crossed), r.row.first(rows), *r.summed), parts, number > 1)
        number //= 2
    if box is None:
        return None
    summed = all_joined(box.within(loop) for loop in r.summed if loop is not g.beside)
    if len(summed) > MOST_SUMMED:
        return None
    summed = (*(ONCE,) * (MOST_SUMMED - len(summed)), *summed)
    parts = tuple(box.around(loop, r.c.left, r.itemsize) for loop in parts)
    return Schedule(
        r.swapped, True, r.lanes, parts or (ONCE,), box.within(r.row), rows, r.vector,
        (box.within(across) if across.steps else across, ONCE, ONCE), crossed, ONCE, summed, summed[0].extent,
        _tile(r, rows, at_a_time(summed[-1].extent)), 1, box=box, spread=g.spread,
    )  # fmt: skip


def _blocked(g: Grouped) -> Schedule | None:
    """Long sums are added up block by block; in chunks of their own where no part is left for threads."""
    r = g.roles
    if len(r.free) > MOST_ACROSS or any(loop.b for loop in r.free) or len(r.summed) < 2:
        return None
    outer, *inner = r.summed
    cut, rest = (inner[0], inner[1:]) if len(inner) > 1 else (ONCE, inner)
    block, box = min(cut.extent, MOST_CROSSED), None
    while block and box is None:
        around = (*g.blocks, outer, *((cut.every(block),) if cut.steps else ()))
        box = _box(g, (*r.free, r.row, cut.first(block), *rest), around, block > 1)
        block, last = block // 2, block
    if box is None:
        return None
    joint = all_joined(box.within(loop) for loop in rest)
    if len(joint) >= MOST_SUMMED:
        return None
    summed = (box.within(cut) if cut.steps else cut, *(ONCE,) * (MOST_SUMMED - 1 - len(joint)), *joint)
    across, row = tuple(box.within(loop) for loop in r.free), box.within(r.row)
    across = (*(ONCE,) * (MOST_ACROSS - len(across)), *across)
    tile, stacked = _stacked(r, row, across[-1], last * volume(summed[1:]))
    parts = tuple(box.around(loop, r.c.left, r.itemsize) for loop in g.blocks)
    return Schedule(
        r.swapped, True, r.lanes, parts or (ONCE,), row, row.extent, r.vector, across, across[0].extent,
        box.around(outer, r.c.left, r.itemsize), summed, last, tile, 2, box=box,
        chunked=not parts, stacked=stacked, spread=g.spread, abreast=g.abreast,
    )  # fmt: skip


def _tile(r: Roles, rows: int, summands: int) -> Tile:
    """The tile with the most rows, where some summands stay in registers, too."""
    vectors = -(-r.vector.extent // r.lanes)
    high = max(1, min(rows, (r.registers - 2) // vectors - summands))
    return tile_with(-(-rows // -(-rows // high)), r.vector.extent, r.depth, r.lanes, r.registers, True)


def _stacked(r: Roles, row: Loop, across: Loop, depth: int) -> tuple[Tile, int]:
    """The tile, and how many values of the loop around its rows it has: as many as there are registers for."""
    vectors = -(-r.vector.extent // r.lanes)
    numbers = [n for n in range(1, across.extent + 1) if across.extent % n == 0]
    number = max((n for n in numbers if (n * row.extent + SLIDES) * vectors + 2 <= r.registers), default=1)
    return tile_with(number * row.extent, r.vector.extent, depth, r.lanes, r.registers, True), number
