"""The schedule of a contraction: which index runs where in the loop nest of ``contraction.c``."""

from dataclasses import dataclass
from typing import NamedTuple

from ..contraction import Contraction, is_inside
from .box import Box
from .clipped import Clip
from .loops import Loop, joined, loops_of, volume, words
from .tile import Tile, tile_of

CHAIN = 512
"""Products that are added one after the other, where loops are such."""

NEAR = 4 << 10
"""Elements of the second factor that stay in the cache of the first level while tiles read all of it."""

MOST_ACROSS, MOST_SUMMED = 3, 4
"""Loops that the nest has."""


class Machine(NamedTuple):
    """What a schedule depends on: the bytes of a vector, how many a core holds, and the bytes of cache of a block."""

    vector: int
    registers: int
    cache: int


class Spread(NamedTuple):
    """How vectors read the first factor that have several values of an index which all arrays have: groups.

    Attributes:
        copies: lanes of a group, which read the same; with a depth of 1, too, a vector is read as it lies.
        depth: numbers of a group that lie next to each other.
        rows: whether they are the rows of a tile; else they are summed.
        b: the distance between lanes of a group in the second factor.
        b_group: that between groups.
        b_depth: that between numbers.
    """

    copies: int
    depth: int
    rows: bool
    b: int
    b_group: int
    b_depth: int


@dataclass(frozen=True)
class Schedule:
    """Loops from the outermost to the innermost one, see ``contraction.c``; one that is not needed is `ONCE`.

    Attributes:
        swapped: whether the second factor is read as the first one.
        along: whether the first factor is read in vectors, too.
        lanes: elements of a vector.
        parts: shared among threads; the extent of the first one is no definition.
        row: the rows of a tile; `rows` of them belong to a part.
        rows: see `row`.
        vector: the index of the vectors.
        across: what else of the result a part has; `crossed` values of the first one.
        crossed: see `across`.
        outer: the outer sum; its extent is no definition.
        summed: the inner sums; a block has `block` values of the first one.
        block: see `summed`.
        tile: what stays in registers.
        panels: 0: the second factor is read where it lies; 1: from panels of all of it; 2: from panels of a block.
        box: what a block reads of the first factor, if that is copied.
        chunked: whether the outer sum is divided into chunks, each with sums of its own.
        strips: whether the first factor is read from panels of a block, too.
        stacked: of how many values of the last loop of `across` a tile has all rows.
        clips: the axes of the first factor at whose ends sums end, where nothing is copied.
        spread: how vectors read the box, if they have several groups.
        abreast: how many sums, next to each other in a row of a chunk's own, become one.
    """

    swapped: bool
    along: bool
    lanes: int
    parts: tuple[Loop, ...]
    row: Loop
    rows: int
    vector: Loop
    across: tuple[Loop, ...]
    crossed: int
    outer: Loop
    summed: tuple[Loop, ...]
    block: int
    tile: Tile
    panels: int
    box: Box | None = None
    chunked: bool = False
    strips: bool = False
    stacked: int = 1
    clips: tuple[Clip, ...] = ()
    spread: Spread | None = None
    abreast: int = 1

    def __str__(self) -> str:
        """For `gradscribe explain`."""
        across = self.across[0].first(self.crossed), *self.across[1:]
        within = words((*across, self.row.first(self.rows), self.vector))
        sums = words((self.outer, self.summed[0].first(self.block), *self.summed[1:]))
        clipped = ", sums end with the first factor" if self.clips else ""
        copied = f", copies {'x'.join(str(axis.extent) for axis in self.box.axes)}" if self.box else ""
        if self.spread:
            copied += (
                f", each read by {self.spread.copies} lanes"
                if self.spread.copies > 1
                else ", rows share what they read"
            )
        shared = f"chunks of {self.outer.name}" if self.chunked else f"parts {words(self.parts) or 1}"
        row = self.row.name if self.stacked == 1 else f"{self.across[-1].name}\N{MIDDLE DOT}{self.row.name}"
        tile = f"tile {self.tile.rows} {row} x {self.tile.vectors * self.lanes} {self.vector.name}"
        panels = ", panels of both" if self.strips and self.panels else ", panels" if self.panels or self.strips else ""
        return f"{shared}; {within}; {tile}; sums {sums}{copied}{clipped}{panels}"

    @property
    def columns(self) -> int:
        """The elements of a row of a chunk's own sums: of whole vectors, if there is one."""
        extent = self.vector.extent
        return -(-extent // self.lanes) * self.lanes if extent > self.lanes else extent

    @property
    def pieces(self) -> tuple[int, int]:
        """What a part tells of the result: elements that pieces have a multiple of, and those of a usual piece."""
        multiple = usual = self.vector.extent
        for loop, own in ((self.row, self.rows), *((across, across.extent) for across in self.across[:0:-1]),
                          (self.across[0], self.crossed)):  # fmt: skip
            if loop.extent > 1 and loop.out != usual:
                break
            multiple = usual * own if loop.extent % own == 0 else usual
            usual *= own
            if own < loop.extent:
                break
        return (0, 0) if self.chunked else (multiple, usual)

    @property
    def depth(self) -> int:
        """Summands at each place of the first factor."""
        return self.spread.depth if self.spread and not self.spread.rows else 1

    @property
    def inner(self) -> bool:
        """Whether a tile is done in all columns before the next one: all of the second factor stays near."""
        read = self.vector.extent * self.block * volume(self.summed[1:])
        grouped = self.spread is not None and self.spread.copies * self.spread.depth > 1
        return self.along and self.panels == 1 and not grouped and read <= NEAR

    @property
    def turned(self) -> bool:
        """Whether panels are made of vectors along the innermost sum, which are turned: it runs along memory."""
        last = self.summed[-1]
        along = self.vector.b != 1 and last.b == 1 and last.extent >= self.lanes > 1
        return along and self.panels > 0 and self.spread is None

    @property
    def rest(self) -> int:
        """Of rows where all summands lie within the first factor, those that are no whole tile; 0 where none ends."""
        inside = min((c.inside(self.rows, self.summed[c.summed].extent) for c in self.clips if c.row), default=0)
        return inside % self.tile.rows

    @property
    def stored_once(self) -> bool:
        """Whether every result is stored once, when it is done."""
        whole = self.block == self.summed[0].extent and not self.outer.name and not self.chunked
        return whole and not self.added

    @property
    def added(self) -> int:
        """How many of the loops `summed` lie outside of the sums in registers, which are no longer than `CHAIN`."""
        if self.block * volume(self.summed[1:]) <= CHAIN:
            return 0
        return next((k for k in range(1, MOST_SUMMED) if volume(self.summed[k:]) <= CHAIN), MOST_SUMMED)


class Roles(NamedTuple):
    """The loops of a contraction by what they do.

    Attributes:
        c: the contraction.
        swapped: whether its factors were exchanged for that.
        vector: runs along the result and the second factor.
        row: neighbours in the first factor are near each other.
        free: the others of the result, the farthest first.
        summed: the others, the farthest first.
        along: whether the vector runs along the first factor, too.
        boxed: whether windows leave the first factor.
        lanes: elements of a vector.
        registers: vectors that a core holds.
        cache: bytes of a cache of the second level that a block may have.
    """

    c: Contraction
    swapped: bool
    vector: Loop
    row: Loop
    free: tuple[Loop, ...]
    summed: tuple[Loop, ...]
    along: bool
    boxed: bool
    lanes: int
    registers: int
    cache: int

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return self.c.dtype.itemsize

    @property
    def depth(self) -> int:
        """The summands of an element."""
        return volume(self.summed)

    def tile(self, row: Loop, depth: int) -> Tile:
        """The tile for so many summands of `row` and the vector."""
        return tile_of(row.extent, self.vector.extent, depth, self.lanes, self.registers, self.along)

    @property
    def results(self) -> int:
        """The bytes of the result."""
        return volume((*self.free, self.row, self.vector)) * self.itemsize


def roles(c: Contraction, machine: Machine) -> Roles | None:
    """The roles of the indices; None where there is nothing next to each other that vectors could run along."""
    for d, swapped in ((c, False), (c.swapped(), True)):
        found = oriented(d, swapped, machine)
        if found is not None:
            return found
    return None


def oriented(c: Contraction, swapped: bool, machine: Machine, copied: bool = False) -> Roles | None:
    """The same without exchanging the factors; `copied` says that the first one is, whatever windows do."""
    loops = loops_of(c)
    if loops is None or not is_inside(c.right, c.box):
        return None
    vector = next((v for v in (*c.columns, *c.batch) if loops[v].out == 1), None)
    if vector is None or not c.rows or (vector in c.batch and loops[vector].a != 1):
        return None
    row = min(c.rows, key=lambda v: abs(loops[v].a))
    names = [v for v in (*c.batch, *c.rows, *c.columns) if v not in (vector, row)]
    free = sorted((loops[v] for v in names), key=lambda loop: -abs(loop.out))
    summed = sorted((loops[v] for v in c.summed), key=lambda loop: -abs(loop.a))
    boxed, tall = copied or not is_inside(c.left, c.box), loops[row]
    while not boxed and len(free) > 1 and (both := joined(free[-1], tall)) is not None:
        tall = both
        free.pop()
    lanes = max(1, machine.vector // c.dtype.itemsize)
    return Roles(
        c,
        swapped,
        loops[vector],
        tall,
        tuple(free),
        tuple(summed),
        vector in c.batch,
        boxed,
        lanes,
        machine.registers,
        machine.cache,
    )
