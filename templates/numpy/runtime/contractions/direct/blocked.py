"""Schedules of long sums: block by block, each of which all results of a part are added to."""

from .box import box_of
from .loops import ONCE, Loop, all_joined, joined, volume
from .schedule import MOST_ACROSS, MOST_SUMMED, Roles, Schedule
from .tile import Tile, tile_with

OWN_SUMS = 1 << 20
"""Bytes of a result up to which chunks of the outer sum have sums of their own."""

OFTEN = 3
"""Tiles that read the same, from which on that is copied to where it lies together."""

CHUNKS = 8
"""Chunks of a sum, where it can be cut into so many."""

PART_SUMS = 480 << 10
"""Bytes of the results of a part otherwise."""

FEW, FEWEST = 4, 96
"""Threads that have equally many parts, and the rows of one at least: each copies the second factor for itself."""


def in_chunks(r: Roles) -> bool:
    """Whether chunks of the outer sum have sums of their own: the result is small."""
    return r.results <= OWN_SUMS and len(r.free) <= MOST_ACROSS and not any(loop.b for loop in r.free)


def blocked_sums(r: Roles) -> Schedule | None:
    """The farthest sum is the outer one, the next is cut into blocks that stay in a cache."""
    return _in_chunks(r) if in_chunks(r) else _in_parts(r)


def _in_chunks(r: Roles) -> Schedule | None:
    """Every chunk of the outer sum has sums of its own, which are added up at the end."""
    r = _with_chunks(r)
    outer, *inner = r.summed
    across, row, size, box = r.free, r.row, r.itemsize, None
    block = _block(r, r.row.extent)
    if r.boxed:
        around = (outer, *(loop.every(block) for loop in inner[:1] if len(inner) > 1))
        blocked = (*(loop.first(block) for loop in inner[:1] if len(inner) > 1), *inner[len(inner) > 1 :])
        box = box_of(r.c.left, (*across, row, *blocked, *((r.vector,) if r.along else ())), around, size)
        outer = box.around(outer, r.c.left, size)
        across, row = tuple(box.within(loop) for loop in across), box.within(row)
        inner = [box.within(loop) for loop in inner]
    while across and (both := joined(across[-1], row)) is not None:
        across, row = across[:-1], both
    summed = _ranks(inner)
    if summed is None or (box and r.along and box.within(r.vector).a != 1):
        return None
    across = (*(ONCE,) * (MOST_ACROSS - len(across)), *across)
    tile, stacked = _stacked(r, row, across[-1], block * volume(summed[1:]))
    return Schedule(
        r.swapped, r.along, r.lanes, (ONCE,), row, row.extent, r.vector, across, across[0].extent, outer, summed,
        block, tile, _panels(r, volume(across) * row.extent // tile.rows), box=box, chunked=True,
        stacked=stacked,
    )  # fmt: skip


def _with_chunks(r: Roles) -> Roles:
    """The sums with an outer one that threads can share: the longest is cut where the farthest has few values."""
    longest = max(r.summed, key=lambda loop: loop.extent)
    number = next(n for n in range(CHUNKS, 0, -1) if longest.extent % n == 0)
    if number <= r.summed[0].extent or r.summed[0].extent >= CHUNKS // 2:
        return r
    cut = longest.first(longest.extent // number)
    return r._replace(summed=(longest.every(cut.extent), *(cut if v is longest else v for v in r.summed)))


def _stacked(r: Roles, row: Loop, across: Loop, depth: int) -> tuple[Tile, int]:
    """The tile, and how many values of the loop around its rows it has: few rows are no work for all registers."""
    found = [(r.tile(row, depth), 1)]
    for number in range(2, across.extent + 1):
        rows = number * row.extent
        if across.extent % number == 0 and rows + 3 <= r.registers:
            found.append((tile_with(rows, r.vector.extent, depth, r.lanes, r.registers, r.along), number))
    return min(found, key=lambda one: one[0].cycles / one[1])


def _in_parts(r: Roles) -> Schedule | None:
    """Parts are divided among threads; each adds up all of its sums, block by block."""
    outer, *inner = r.summed
    summed = _ranks(inner)
    if summed is None or r.boxed:
        return None
    most = max(1, PART_SUMS // (r.vector.extent * r.itemsize))
    block = _block(r, min(most, r.row.extent))
    tile = r.tile(r.row, block * volume(summed[1:]))
    wanted = min(r.row.extent, tile.rows * max(1, most // tile.rows))
    rows = _alike(r.row.extent, wanted, tile.rows, volume(r.free))
    parts = (*r.free, *((r.row.every(rows),) if rows < r.row.extent else ()))
    return Schedule(
        r.swapped, r.along, r.lanes, parts or (ONCE,), r.row, rows, r.vector, (ONCE,) * MOST_ACROSS, 1, outer, summed,
        block, tile, _panels(r, rows // tile.rows),
        strips=not r.along and r.vector.extent >= OFTEN * tile.vectors * r.lanes,
    )  # fmt: skip


def _alike(rows: int, most: int, tile: int, around: int) -> int:
    """The rows of a part, at most so many: all have about as many, and two or four threads as many parts.

    Args:
        rows: there are.
        most: that a part may have.
        tile: those that are computed together.
        around: into how many parts the result is divided anyway.
    """
    least = -(-rows // most)
    number = next((n for n in range(least, least + FEW) if around * n % FEW == 0 and rows >= n * FEWEST), least)
    return min(most, -(-rows // (number * tile)) * tile)


def _block(r: Roles, rows: int) -> int:
    """How many values of the first inner sum a block has: what it reads of both factors fits the cache."""
    inner = r.summed[1:]
    if len(inner) < 2:
        return 1
    read = volume(inner[1:]) * (r.vector.extent + rows) * r.itemsize
    return max(1, min(inner[0].extent, r.cache // (2 * read)))


def _ranks(inner: list[Loop]) -> tuple[Loop, ...] | None:
    """The inner sums as the nest has them: blocks of the first of several, the others joined."""
    first, rest = ((inner[0],), inner[1:]) if len(inner) > 1 else ((ONCE,), inner)
    joint = all_joined(rest)
    if len(joint) >= MOST_SUMMED:
        return None
    return (*first, *(ONCE,) * (MOST_SUMMED - 1 - len(joint)), *joint)


def _panels(r: Roles, reads: int) -> int:
    """The second factor is read where it lies if its vectors are whole, and are not read often."""
    return 0 if r.vector.b == 1 and r.vector.extent % r.lanes == 0 and reads < OFTEN else 2
