"""Schedules where a tile is summed up at once: what it reads of the second factor stays in the cache."""

from .box import Box, box_of
from .clipped import MOST_SUMMANDS, clips_of
from .loops import ONCE, Loop, all_joined, volume
from .places import at_a_time, places_of
from .schedule import CHAIN, MOST_SUMMED, Roles, Schedule, Spread
from .tile import Tile, sliding_tile, widest_tile

ENOUGH_PARTS = 16
"""Parts that can be shared among threads."""

LEAST_PARTS, MANY_PARTS, WIDE_PART = 4, 8, 512 << 10
"""Parts of columns, at least; and how many are left, and the bytes of the second factor that each has at most, where
parts are wider than a tile: what they copy lies in longer pieces then."""

FEW_TILES = 5
"""Tiles that have all rows: so often a panel is read that a part makes."""

MOST_CROSSED = 8
"""Rows of an image, say, that a part has: they read the same panels of the second factor."""


def whole_sums(r: Roles) -> Schedule | None:
    """The second factor becomes panels once; parts are divided among threads."""
    return _clipped(r) or _columns(r) or _whole(r)


def _columns(r: Roles) -> Schedule | None:
    """Where few rows read a wide second factor, parts have columns of it, which they make panels of for themselves."""
    if r.boxed or r.along or not all(loop.b for loop in r.free):
        return None
    wide = range(r.tile(r.row, r.depth).vectors * r.lanes, 0, -r.lanes)
    width = next((w for w in wide if r.vector.extent % w == 0), 0)
    if not width:
        return None
    width *= _abreast(r, width)
    part = r._replace(vector=r.vector.first(width))
    tile, number = part.tile(r.row, r.depth), r.vector.extent // width
    if r.row.extent > FEW_TILES * tile.rows or volume(r.free) * number < LEAST_PARTS:
        return None
    summed = all_joined(r.summed)
    if len(summed) > MOST_SUMMED:
        return None
    summed = (*(ONCE,) * (MOST_SUMMED - len(summed)), *summed)
    parts = (*r.free, r.vector.every(width))
    return Schedule(
        r.swapped, False, r.lanes, parts, r.row, r.row.extent, part.vector, (ONCE, ONCE, ONCE), 1, ONCE,
        summed, summed[0].extent, tile, 2,
    )  # fmt: skip


def _abreast(r: Roles, width: int) -> int:
    """How many tiles of such a width a part of columns has."""
    every = r.vector.extent // width
    most = min(WIDE_PART // (width * r.depth * r.itemsize), volume(r.free) * every // MANY_PARTS)
    return max((n for n in range(1, most + 1) if every % n == 0), default=1)


def _clipped(r: Roles) -> Schedule | None:
    """Where few summands are left by windows: nothing is copied."""
    if not r.boxed or not r.along or r.depth > MOST_SUMMANDS or len(r.summed) >= MOST_SUMMED:
        return None
    parts, across, crossed, rows = _divided(r, _tile(r, r.row.extent))
    summed = (*(ONCE,) * (MOST_SUMMED - len(r.summed)), *r.summed)
    clips = clips_of(r.c.left, parts, across, r.row, summed)
    if clips is None:
        return None
    inside = min((c.inside(rows, summed[c.summed].extent) for c in clips if c.row), default=rows)
    tile = _tile(r, max(1, inside))
    # Only a single row may have fewer summands of the innermost sum where rows share what they read.
    by_rows = all(c.row or c.summed != MOST_SUMMED - 1 for c in clips)
    spread = _shared(r, r.row, summed, tile) if by_rows else None
    return Schedule(
        r.swapped, r.along, r.lanes, parts or (ONCE,), r.row, rows, r.vector, (across, ONCE, ONCE), crossed, ONCE,
        summed, summed[0].extent, tile, 1, clips=clips, spread=spread,
    )  # fmt: skip


def _whole(r: Roles) -> Schedule | None:
    """Where windows leave the first factor, a part copies what it reads of it."""
    tile = _tile(r, r.row.extent)
    parts, across, crossed, rows = _divided(r, tile)
    row, summed, box, size = r.row, r.summed, None, r.itemsize
    if r.boxed:
        box = _box(r, parts, across.first(crossed), row.first(rows))
        parts = tuple(box.around(loop, r.c.left, size) for loop in parts)
        across = box.within(across) if across.steps else across
        row, summed = box.within(row), tuple(box.within(loop) for loop in summed)
    summed = all_joined(summed)
    if len(summed) > MOST_SUMMED or (box and r.along and box.within(r.vector).a != 1):
        return None
    summed = (*(ONCE,) * (MOST_SUMMED - len(summed)), *summed)
    return Schedule(
        r.swapped, r.along, r.lanes, parts or (ONCE,), row, rows, r.vector, (across, ONCE, ONCE), crossed, ONCE, summed,
        summed[0].extent, tile, 1, box=box, spread=_shared(r, row, summed, tile),
    )  # fmt: skip


def _shared(r: Roles, row: Loop, summed: tuple[Loop, ...], tile: Tile) -> Spread | None:
    """Vectors that are read as they lie, for all rows and summands that meet there; None where none do."""
    places = places_of(row, summed[-1], tile.rows)
    if not _slides(r) or tile.rows == 1 or places.summands == 1 or summed[-1].extent > CHAIN:
        return None
    return Spread(1, 1, False, 0, r.vector.b, 0)


def _slides(r: Roles) -> bool:
    """Whether rows may share what they read."""
    return r.along and bool(r.summed) and at_a_time(r.summed[-1].extent) > 1 and r.vector.extent >= r.lanes


def _tile(r: Roles, rows: int) -> Tile:
    """The tile for so many rows."""
    if _slides(r):
        return sliding_tile(rows, r.vector.extent, r.depth, at_a_time(r.summed[-1].extent), r.lanes, r.registers)
    if r.along:
        return widest_tile(rows, r.vector.extent, r.depth, r.lanes, r.registers)
    return r.tile(r.row._replace(extent=rows), r.depth)


def copied(r: Roles) -> int:
    """The elements that a part copies of the first factor where windows leave that."""
    parts, across, crossed, rows = _divided(r, _tile(r, r.row.extent))
    return _box(r, parts, across.first(crossed), r.row.first(rows)).size


def _box(r: Roles, parts: tuple[Loop, ...], across: Loop, row: Loop) -> Box:
    within = (across, row, *r.summed, *((r.vector,) if r.along else ()))
    return box_of(r.c.left, tuple(loop for loop in within if loop.steps), parts, r.itemsize)


def _divided(r: Roles, tile: Tile) -> tuple[tuple[Loop, ...], Loop, int, int]:
    """The parts, what of the last free loop a part has, and how many rows."""
    if len(r.free) > 1 and not r.free[-1].b:
        *parts, across = r.free
        crossed = max(1, min(across.extent, volume(r.free) // ENOUGH_PARTS, MOST_CROSSED))
        around = (across.every(crossed),) if crossed < across.extent else ()
        return (*parts, *around), across, crossed, r.row.extent
    blocks = -(-ENOUGH_PARTS // volume(r.free))
    rows = min(r.row.extent, tile.rows * max(1, -(-r.row.extent // (tile.rows * blocks))))
    around = (r.row.every(rows),) if rows < r.row.extent else ()
    return (*r.free, *around), ONCE, 1, rows
