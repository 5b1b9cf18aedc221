"""Correlations by Cook-Toom transforms in C: a block of tiles goes through all stages in the cache."""

from math import prod
from typing import NamedTuple

from ...machine.configuration import Settings
from ...machine.native.sources import WINOGRAD
from ..contraction import Contraction, is_inside, merged
from ..costs import CACHE_RATE, CALL, Cost, full_rate
from ..direct.definitions import start, text
from ..direct.schedule import Machine
from ..direct.tile import Tile, tile_of
from ..sliding import Slides
from .divided_windows import DividedWindows
from .fused_axes import axes_defined, beside, others_defined, pieces_defined

TILES = 320 << 10
"""Bytes of the transforms of a block of tiles, where so few are enough."""

LEAST_TILES = 24
"""Tiles of a block at least: so often what is read of the kernel is used."""

NEAR_KERNEL, FAR_KERNEL, FAR_RATE = 3 << 19, 24 << 20, 6e9
"""Bytes of the transform of a kernel that a core's own caches hold, and of one that no cache does; the bytes a second
that are written, and read of the latter."""

LARGE_KERNEL, MANY_TILES = 8 << 20, 48
"""Bytes of the transform of a kernel that does not stay in the cache, and tiles of a block then."""

FEW_ROWS = 3
"""Rows that are multiplied one by one: more of them are filled up with zeros to as many as registers hold."""

MANY_PARTS = 4
"""Parts of each thread, so many of which are shared well enough."""

CHAIN = 256
"""Products that are added one after the other: a transform multiplies rounding."""

TRANSFORM = 1.2
"""Cycles of a summand of a transform of a vector."""


class FusedTiles(NamedTuple):
    """How to compute a contraction tile by tile in C.

    Attributes:
        windows: in pieces, with F(m, r) along one or two axes.
        lanes: elements of a vector.
        tile: what a product of matrices holds in registers.
        tiles: how many tiles a block has.
    """

    windows: DividedWindows
    lanes: int
    tile: Tile
    tiles: int

    def __str__(self) -> str:
        tile = f"tile {self.tile.rows} x {self.tile.vectors * self.lanes}"
        return f"{self.windows}, {self.windows.points} points, {self.tiles} tiles at a time; {tile}"

    @property
    def each(self) -> int:
        """Tiles that are multiplied by the same kernel."""
        slides, m = self.windows.slides, self.windows.results
        extents = slides.contraction.extents
        return slides.contraction.volume(slides.outer) * prod(-(-extents[a.position] // m) for a in slides.axes)

    @property
    def rows(self) -> int:
        """Rows that are multiplied for these: registers are filled, unless a few rows are done one by one."""
        blocks, rest = divmod(self.each, self.tiles)
        few, high = rest % self.tile.rows, self.tile.rows
        return blocks * self.tiles + (rest - few) + (high if few > FEW_ROWS else -(-few * high // (FEW_ROWS + 1)))

    @property
    def pieces(self) -> tuple[int, int]:
        """What is told of the result: elements that pieces have a multiple of, and those of a usual piece."""
        d, axis = self.windows.slides.contraction, self.windows.axes[-1]
        columns, along = d.volume(d.columns), min(d.extents[axis.sliding.position], self.tiles * self.windows.results)
        return columns, columns * (along if abs(axis.dilation) == 1 else 1)

    def shares(self, threads: int) -> int:
        """Into how many parts the columns are divided, so that threads share few blocks of tiles."""
        d = self.windows.slides.contraction
        parts, columns = d.volume(d.batch) * -(-self.each // self.tiles), d.volume(d.columns)
        balanced = parts % threads == 0 or parts >= MANY_PARTS * threads
        return 1 if balanced else min(threads, -(-columns // (self.tile.vectors * self.lanes)))


def tiles_plan(windows: DividedWindows, on: Machine) -> FusedTiles | None:
    """The blocks of tiles; None where elements do not lie next to each other."""
    return _blocks(windows, on) if _lies_together(windows.slides) else None


def _lies_together(slides: Slides) -> bool:
    """Whether vectors can run along what a window holds of each position, and along the results there.

    The kernel is transformed as it is: all that is read of it is there.
    """
    d = slides.contraction
    return (
        beside(slides)
        and merged(d.out, d.columns, d.extents) == d.dtype.itemsize
        and merged(d.right, slides.inner, d.extents) is not None
        and merged(d.right, d.columns, d.extents) is not None
        and is_inside(d.right, d.box)
    )


def _blocks(windows: DividedWindows, on: Machine) -> FusedTiles:
    d, depth = windows.slides.contraction, windows.depth
    lanes, columns = max(1, on.vector // d.dtype.itemsize), d.volume(d.columns)
    tile = tile_of(LEAST_TILES, columns, depth, lanes, on.registers, False)
    size = windows.points * d.dtype.itemsize
    least = MANY_TILES if size * depth * columns > LARGE_KERNEL else LEAST_TILES
    tiles = tile.rows * max(1, -(-least // tile.rows), TILES // (size * (depth + columns)) // tile.rows)
    return FusedTiles(windows, lanes, tile, tiles)


def tiles_cost(c: Contraction, plan: FusedTiles, wanted: Settings) -> Cost:
    """Those of the products at the points, and of three transforms."""
    windows, tile, size = plan.windows, plan.tile, c.dtype.itemsize
    d, points, depth = windows.slides.contraction, windows.points, windows.depth
    columns, batch, tiles = d.volume(d.columns), d.volume(d.batch), d.volume(d.batch) * plan.each
    outputs = windows.results ** len(windows.axes)
    wide = len(windows.pieces) * -(-d.volume(windows.slides.inner) // plan.lanes) + -(-columns // plan.lanes)
    sums = windows.results + windows.axes[0].taps - 1
    transforms = TRANSFORM * sums * points * (tiles * wide + batch * depth * -(-columns // plan.lanes))
    cycles = points * batch * plan.rows / LEAST_TILES * tile.cycles + transforms
    flops = 2 * points * (tiles * depth * columns) + 2 * windows.taps * batch * depth * columns
    scratch = size * points * (batch * depth * columns + plan.tiles * (depth + columns))
    moved = size * (prod(d.left.sizes) + prod(d.right.sizes) + outputs * tiles * columns)
    kernel = size * points * batch * depth * columns
    seconds = cycles * 4 * plan.lanes / full_rate(c.dtype)
    if kernel > NEAR_KERNEL:  # it is written to memory that is far away, and every block of tiles reads it from there
        reads = -(-plan.each // plan.tiles) * kernel
        seconds += kernel / FAR_RATE + reads / (CACHE_RATE if kernel < FAR_KERNEL else FAR_RATE)
    return Cost(seconds + CALL, flops, moved, scratch, windows.error, False)


def tiles_text(plan: FusedTiles) -> str:
    """What is compiled, see ``winograd.c``."""
    slides = plan.windows.slides
    d, size = slides.contraction, slides.contraction.dtype.itemsize
    inner, columns = slides.inner[-1], d.columns[-1]
    found: dict[str, int | str] = {
        "LANES": plan.lanes, "MR": plan.tile.rows, "NV": plan.tile.vectors,
        "C": d.volume(slides.inner), "K": d.volume(d.columns), "TILES": plan.tiles, "CHAIN": CHAIN, "FEW": FEW_ROWS,
        "C_W": d.right.stride(inner) // size, "K_W": d.right.stride(columns) // size,
        "Y_START": start(d.out) // size, "W_START": start(d.right) // size,
    }  # fmt: skip
    found |= others_defined(slides, d.out, d.right) | axes_defined(plan.windows, d.out, d.right)
    found |= pieces_defined(plan.windows, d.right)
    return text(found, WINOGRAD)
