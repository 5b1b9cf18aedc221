"""The tile of results that stays in registers."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

FUSED, LOADS, LATENCY = 2.0, 1.75, 4.2
"""Of vectors: products added and loads in a cycle, and the cycles until a sum can be added to again."""

FAR = 0.15
"""Cycles that a vector of the second factor takes longer: it is in the cache of the second level."""

APART, APART_LOADS = 0.5, 1.2
"""Cycles that each place takes which rows share, since what a tile reads there lies apart from what it reads next; and
loads in a cycle then."""

FIRST_ELEMENTS = 8 << 10
"""Elements that the cache of the first level holds."""

ENOUGH_SUMS = 16
"""Vectors of sums of a tile whose rows share what they read: more of them are not faster, and crowd the registers."""

MOST_VECTORS = 4
"""Vectors next to each other in a tile."""

AROUND = 12.0
"""Cycles of a tile besides its sums, and besides reading and writing what it holds."""


class Tile(NamedTuple):
    """So many rows, so many vectors, and the cycles that all tiles of a block take."""

    rows: int
    vectors: int
    cycles: float


@lru_cache(maxsize=1024)
def tile_of(rows: int, columns: int, depth: int, lanes: int, registers: int, along: bool) -> Tile:
    """The tile that takes the fewest cycles.

    Args:
        rows: places in the result that read the same of the second factor.
        columns: places next to each other.
        depth: summands.
        lanes: elements of a vector.
        registers: vectors that a core holds.
        along: whether the first factor is read in vectors, too.
    """
    wide = -(-columns // lanes)
    found: list[Tile] = []
    for vectors in range(1, MOST_VECTORS + 1):
        if vectors > wide:
            break
        for high in range(1, registers):
            if high * vectors + vectors + 2 > registers or high > rows:
                break
            cycles = sum(n * _cycles(m, v, depth, along) for n, m, v in _tiles(rows, high, wide, vectors))
            found.append(Tile(high, vectors, cycles))
    return min(found, key=lambda tile: (tile.cycles, tile.rows))


def tile_with(rows: int, columns: int, depth: int, lanes: int, registers: int, along: bool) -> Tile:
    """The one that has all of these rows, and so many vectors as registers are left for."""
    wide = -(-columns // lanes)
    vectors = min(wide, MOST_VECTORS, (registers - 2) // (rows + 1))
    cycles = wide // vectors * _cycles(rows, vectors, depth, along)
    return Tile(rows, vectors, cycles + (_cycles(rows, wide % vectors, depth, along) if wide % vectors else 0.0))


def widest_tile(rows: int, columns: int, depth: int, lanes: int, registers: int) -> Tile:
    """The one with the most vectors, where both factors are read in vectors: what it reads lies next to each other."""
    wide = -(-columns // lanes)
    vectors = min(wide, MOST_VECTORS)
    high = max(1, min(rows, (registers - 2) // vectors - 1))
    cycles = -(-rows // high) * -(-wide // vectors) * _cycles(high, vectors, depth, True)
    return Tile(high, vectors, cycles)


def sliding_tile(rows: int, columns: int, depth: int, summands: int, lanes: int, registers: int) -> Tile:
    """The one that takes the fewest cycles where both factors are read in vectors, and rows share what they read.

    Args:
        rows: places in the result that read the same of the second factor.
        columns: places next to each other.
        depth: summands.
        summands: those that are held at a time; the rows of a tile read one place more for each of them but the first.
        lanes: elements of a vector.
        registers: vectors that a core holds.
    """
    wide = -(-columns // lanes)
    found: list[Tile] = []
    for vectors in range(1, min(wide, MOST_VECTORS) + 1):
        most = min((registers - 2) // vectors - summands, ENOUGH_SUMS // vectors)
        if most < 1:
            break
        high = -(-rows // -(-rows // most))
        cycles = 0.0
        for number, m, v in _tiles(rows, high, wide, vectors):
            places = m + summands - 1
            read = (places + summands) * v / APART_LOADS + (summands * v if depth * v * lanes > FIRST_ELEMENTS else 0)
            step = max(m * v * summands / FUSED, read, summands * LATENCY) + APART * places
            cycles += number * (depth / summands * step + AROUND + m * v)
        found.append(Tile(high, vectors, cycles))
    return min(found, key=lambda tile: tile.cycles)


def _tiles(rows: int, high: int, wide: int, vectors: int) -> Iterator[tuple[int, int, int]]:
    """How many tiles of so many rows by so many vectors there are, those of what is left over, too."""
    for across, v in ((wide // vectors, vectors), (1, wide % vectors)):
        for along, m in ((rows // high, high), (1, rows % high)):
            if m and v and across * along:
                yield across * along, m, v


def _cycles(rows: int, vectors: int, depth: int, along: bool) -> float:
    sums = rows * vectors
    loads = vectors + (sums if along else rows)
    step = max(sums / FUSED, loads / LOADS, LATENCY) + FAR * vectors
    return depth * step + AROUND + sums
