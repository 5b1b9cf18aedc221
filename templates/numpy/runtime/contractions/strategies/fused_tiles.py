"""Correlations by Cook-Toom transforms in C: a whole kernel meets blocks of tiles, or all tiles meet panels of it."""

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

COLUMNS, PANEL_ROWS, PANEL_TILES = 32, 16, 32
"""Columns of a panel, so often what is read of the tiles is used; the rows that are held in registers are made for so
many, and a block has about so many tiles: there are often multiples of them."""

WORTH_PANELS = 0.9
"""The share of the time of blocks of tiles that panels take at most: others can go on with the results of a block."""

FEW_ROWS = 3
"""Rows that are multiplied one by one: more of them are filled up with zeros to as many as registers hold."""

MANY_PARTS = 4
"""Parts of each thread, so many of which are shared well enough."""

CHAIN = 256
"""Products that are added one after the other: a transform multiplies rounding."""

TRANSFORM = 1.2
"""Cycles of a summand of a transform of a vector."""


class Panels(NamedTuple):
    """What of a kernel meets all tiles, which have been transformed before.

    Attributes:
        number: into how many panels the columns are divided.
        blocks: blocks of columns of each, of as many as registers hold.
        inner: channels of each piece that are transformed at a time.
    """

    number: int
    blocks: int
    inner: int


class FusedTiles(NamedTuple):
    """How to compute a contraction tile by tile in C.

    Attributes:
        windows: in pieces, with F(m, r) along one or two axes.
        lanes: elements of a vector.
        tile: what a product of matrices holds in registers.
        tiles: how many tiles a block has.
        panels: those of the kernel, if tiles are transformed first; None where the kernel is.
    """

    windows: DividedWindows
    lanes: int
    tile: Tile
    tiles: int
    panels: Panels | None = None

    def __str__(self) -> str:
        block = self.tile.vectors * self.lanes
        panels = self.panels and f"all tiles, {self.panels.blocks * block} k at a time, {self.panels.inner} c"
        parts = panels or f"{self.tiles} tiles at a time"
        return f"{self.windows}, {self.windows.points} points, {parts}; tile {self.tile.rows} x {block}"

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
        if self.panels:
            return 0, 0
        d, axis = self.windows.slides.contraction, self.windows.axes[-1]
        columns, along = d.volume(d.columns), min(d.extents[axis.sliding.position], self.tiles * self.windows.results)
        return columns, columns * (along if abs(axis.dilation) == 1 else 1)

    def shares(self, threads: int) -> int:
        """Into how many parts the columns are divided, so that threads share few blocks of tiles."""
        if self.panels:
            return 1
        d = self.windows.slides.contraction
        parts, columns = d.volume(d.batch) * -(-self.each // self.tiles), d.volume(d.columns)
        balanced = parts % threads == 0 or parts >= MANY_PARTS * threads
        return 1 if balanced else min(threads, -(-columns // (self.tile.vectors * self.lanes)))


def tiles_plan(windows: DividedWindows, on: Machine) -> FusedTiles | None:
    """What is transformed first, and the blocks; None where elements do not lie next to each other."""
    if not _lies_together(windows.slides):
        return None
    blocks, panels = _blocks(windows, on), _panels(windows, on)
    return panels if are_worth(panels, blocks) else blocks


def are_worth(panels: FusedTiles, blocks: FusedTiles) -> bool:
    """Whether tiles at the points are smaller than the kernel there, and panels of it take less time."""
    columns = panels.windows.slides.contraction.volume(panels.windows.slides.contraction.columns)
    return panels.each <= columns and _seconds(panels) <= WORTH_PANELS * _seconds(blocks)


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


def _panels(windows: DividedWindows, on: Machine) -> FusedTiles:
    d, pieces = windows.slides.contraction, len(windows.pieces)
    size, inner, columns = d.dtype.itemsize, d.volume(windows.slides.inner), d.volume(d.columns)
    lanes = max(1, on.vector // size)
    wide = -(-columns // lanes)
    width = -(-wide // -(-wide * lanes // COLUMNS)) * lanes
    tile = tile_of(PANEL_ROWS, width, windows.depth, lanes, on.registers, False)
    block = tile.vectors * lanes
    blocks = -(-width // block)
    most = max(lanes, on.cache // 2 // (size * windows.points * pieces * blocks * block))
    slices = -(-inner // most)
    panels = Panels(-(-columns // (blocks * block)), blocks, min(inner, -(-inner // (slices * lanes)) * lanes))
    return FusedTiles(windows, lanes, tile, PANEL_TILES // tile.rows * tile.rows, panels)


def tiles_cost(c: Contraction, plan: FusedTiles, wanted: Settings) -> Cost:
    """Those of the products at the points, and of three transforms."""
    windows, size = plan.windows, c.dtype.itemsize
    d, points, depth = windows.slides.contraction, windows.points, windows.depth
    columns, batch, tiles = d.volume(d.columns), d.volume(d.batch), d.volume(d.batch) * plan.each
    outputs = windows.results ** len(windows.axes)
    flops = 2 * points * (tiles * depth * columns) + 2 * windows.taps * batch * depth * columns
    scratch = size * points * (batch * depth * columns + plan.tiles * (depth + columns))
    if plan.panels:
        width = plan.panels.blocks * plan.tile.vectors * plan.lanes
        slice_ = len(windows.pieces) * plan.panels.inner
        scratch = size * points * (tiles * depth + (slice_ + plan.each) * width)
    moved = size * (prod(d.left.sizes) + prod(d.right.sizes) + outputs * tiles * columns)
    return Cost(_seconds(plan), flops, moved, scratch, windows.error, False)


def _seconds(plan: FusedTiles) -> float:
    windows, tile, panels = plan.windows, plan.tile, plan.panels
    d, points, depth = windows.slides.contraction, windows.points, windows.depth
    size, columns, batch = d.dtype.itemsize, d.volume(d.columns), d.volume(d.batch)
    tiles = batch * plan.each
    wide = len(windows.pieces) * -(-d.volume(windows.slides.inner) // plan.lanes) + -(-columns // plan.lanes)
    sums = windows.results + windows.axes[0].taps - 1
    transforms = TRANSFORM * sums * points * (tiles * wide + batch * depth * -(-columns // plan.lanes))
    row = panels.number * tile.cycles / PANEL_ROWS if panels else tile.cycles / LEAST_TILES
    cycles = points * batch * plan.rows * row + transforms
    kernel, data = (size * points * batch * depth * n for n in (columns, plan.each))
    seconds = cycles * 4 * plan.lanes / full_rate(d.dtype) + CALL
    if panels:  # each reads all tiles, a half of which comes in time
        return seconds + data * (1 + panels.number / 2) / CACHE_RATE
    if kernel > NEAR_KERNEL:  # it is written to memory that is far away, and every block of tiles reads it from there
        reads = -(-plan.each // plan.tiles) * kernel
        seconds += kernel / FAR_RATE + reads / (CACHE_RATE if kernel < FAR_KERNEL else FAR_RATE)
    return seconds


def tiles_text(plan: FusedTiles) -> str:
    """What is compiled, see ``winograd.c``."""
    slides = plan.windows.slides
    d, size = slides.contraction, slides.contraction.dtype.itemsize
    inner, columns = slides.inner[-1], d.columns[-1]
    panels, block = plan.panels, plan.tile.vectors * plan.lanes
    found: dict[str, int | str] = {
        "LANES": plan.lanes, "MR": plan.tile.rows, "NV": plan.tile.vectors,
        "C": d.volume(slides.inner), "K": d.volume(d.columns), "TILES": plan.tiles, "CHAIN": CHAIN, "FEW": FEW_ROWS,
        "PANELS": int(panels is not None), "PANEL": panels.blocks if panels else -(-d.volume(d.columns) // block),
        "CB": panels.inner if panels else d.volume(slides.inner),
        "C_W": d.right.stride(inner) // size, "K_W": d.right.stride(columns) // size,
        "Y_START": start(d.out) // size, "W_START": start(d.right) // size,
    }  # fmt: skip
    found |= others_defined(slides, d.out, d.right) | axes_defined(plan.windows, d.out, d.right)
    found |= pieces_defined(plan.windows, d.right)
    return text(found, WINOGRAD)
