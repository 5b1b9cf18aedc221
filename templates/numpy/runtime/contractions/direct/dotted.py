"""Schedules of sums along memory, see ``dots.c``: what is summed over lies next to each other in both factors."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from ..contraction import Contraction, is_inside
from .definitions import REALS, braces, start
from .loops import ONCE, Loop, all_joined, loops_of, volume, words
from .schedule import CHAIN, Machine
from .tile import AROUND, FUSED, LOADS

MOST_SUMMED = 4
"""Loops that the nest has."""

ENOUGH_PARTS = 16
"""Parts that can be shared among threads."""

TILES = {32: (4, 6), 16: (3, 3)}
"""Rows and columns of a tile, by the vectors that a core holds."""

TOGETHER = 4.0
"""Cycles in which the lanes of a vector are added up."""

NEAR = 1.5
"""How much longer a step takes than its products: rows come from the cache of the second level."""


@dataclass(frozen=True, eq=False)
class Dots:
    """Loops from the outermost to the innermost one.

    Attributes:
        contraction: the contraction.
        parts: shared among threads; the extent of the first one is no definition.
        row: the rows of a tile; `rows` of them belong to a part.
        rows: see `row`.
        column: its columns, of which a part has `columns`.
        columns: see `column`.
        summed: the sums, the last of which runs along memory.
        lanes: elements of a vector.
        tile: rows and columns whose sums stay in registers.
    """

    contraction: Contraction
    parts: tuple[Loop, ...]
    row: Loop
    rows: int
    column: Loop
    columns: int
    summed: tuple[Loop, ...]
    lanes: int
    tile: tuple[int, int]

    def __str__(self) -> str:
        within = words((self.row.first(self.rows), self.column.first(self.columns)))
        high, wide = self.tile
        tile = f"tile {high} {self.row.name} x {wide} {self.column.name}"
        return f"parts {words(self.parts) or 1}; {within}; {tile}; sums {words(self.summed)} along memory"

    @property
    def cycles(self) -> float:
        """What all tiles take."""
        high, wide = self.tile
        steps = volume(self.summed[:-1]) * -(-self.summed[-1].extent // self.lanes)
        tiles = -(-self.row.extent // high) * -(-self.column.extent // wide)
        others = prod(p.extent for p in self.parts if p.name not in (self.row.name, self.column.name))
        step = max(high * wide / FUSED, (high + wide) / LOADS) * NEAR
        return others * tiles * (steps * step + AROUND + TOGETHER * high * wide)


@lru_cache(maxsize=1024)
def dotted(c: Contraction, machine: Machine) -> Dots | None:
    """The plan of a contraction; None where sums do not run along memory, or windows leave a factor."""
    loops = loops_of(c)
    inside = is_inside(c.left, c.box) and is_inside(c.right, c.box)
    if loops is None or not inside or not (c.rows and c.columns and c.summed):
        return None
    summed, rows, columns = (_joined(loops, *own) for own in ((c.summed, 0), (c.rows, 0), (c.columns, 1)))
    lanes = max(1, machine.vector // c.dtype.itemsize)
    last = summed[-1]
    if (last.a, last.b) != (1, 1) or last.extent < lanes or len(summed) > MOST_SUMMED or volume(summed) > CHAIN * lanes:
        return None
    high, wide = next(tile for held, tile in TILES.items() if machine.registers >= held)
    row, column = rows[-1], columns[-1]
    high, wide = min(high, row.extent), min(wide, column.extent)
    near = machine.cache // (2 * volume(summed) * c.dtype.itemsize)
    number = min(row.extent, max(high, near // high * high))
    free = (*(loops[v] for v in c.batch), *rows[:-1], *columns[:-1])
    blocks = -(-ENOUGH_PARTS // (volume(free) * -(-row.extent // number)))
    width = min(column.extent, wide * max(1, column.extent // (wide * blocks)))
    parts = (
        *free,
        *((row.every(number),) if number < row.extent else ()),
        *((column.every(width),) if width < column.extent else ()),
    )
    summed = (*(ONCE,) * (MOST_SUMMED - len(summed)), *summed)
    return Dots(c, parts or (ONCE,), row, number, column, width, summed, lanes, (high, wide))


def _joined(loops: Mapping[str, Loop], names: tuple[str, ...], side: int) -> tuple[Loop, ...]:
    """Loops, the farthest first in a factor, neighbours as one where memory allows it."""
    return all_joined(sorted((loops[v] for v in names), key=lambda loop: -abs(loop.distances[side])))


def dots_definitions(plan: Dots) -> dict[str, int | str]:
    """What ``dots.c`` is compiled with."""
    c, size, names = plan.contraction, plan.contraction.dtype.itemsize, [p.name for p in plan.parts]
    found: dict[str, int | str] = {
        "REAL": REALS[c.dtype], "LANES": plan.lanes, "MR": plan.tile[0], "NV": plan.tile[1],
        "EM": plan.row.extent, "MB": plan.rows, "M_A": plan.row.a, "M_O": plan.row.out,
        "EV": plan.column.extent, "VB": plan.columns, "V_B": plan.column.b, "V_O": plan.column.out,
        "P_M": names.index(plan.row.name) if plan.row.name in names else 0,
        "P_V": names.index(plan.column.name) if plan.column.name in names else 0,
        "A_START": start(c.left) // size, "B_START": start(c.right) // size, "O_START": start(c.out) // size,
        "P_EXTENT": braces([0, *(p.extent for p in plan.parts[1:])]), "P_A": braces(p.a for p in plan.parts),
        "P_B": braces(p.b for p in plan.parts), "P_O": braces(p.out for p in plan.parts), "EU": plan.summed[-1].extent,
    }  # fmt: skip
    for k, loop in enumerate(plan.summed[:-1]):
        found |= {f"S{k}": loop.extent, f"S{k}_A": loop.a, f"S{k}_B": loop.b}
    return found
