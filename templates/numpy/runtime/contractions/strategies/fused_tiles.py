"""Correlations by Cook-Toom transforms in C: a block of tiles goes through all stages in the cache."""

from math import prod
from typing import NamedTuple

from ...cook_toom.tables import COOK_TOOM
from ...machine.configuration import Settings
from ...machine.native.sources import WINOGRAD
from ..contraction import Contraction, is_inside, merged
from ..costs import CACHE_RATE, CALL, Cost, full_rate
from ..direct.definitions import start, text
from ..direct.schedule import Machine
from ..direct.tile import Tile, tile_of
from ..sliding import Slides
from .fused_axes import axes_defined, beside, others_defined

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
        slides: the windows, along one or two axes; their steps are 1.
        results: results per tile and axis, the m of F(m, r).
        lanes: elements of a vector.
        tile: what a product of matrices holds in registers.
        tiles: how many tiles a block has.
    """

    slides: Slides
    results: int
    lanes: int
    tile: Tile
    tiles: int

    def __str__(self) -> str:
        d, axes = self.slides.contraction, self.slides.axes
        algorithms = " x ".join(f"F({self.results}, {d.extents[a.tap]})" for a in axes)
        tile = f"tile {self.tile.rows} x {self.tile.vectors * self.lanes}"
        return f"{algorithms}, {self.points} points, {self.tiles} tiles at a time; {tile}"

    @property
    def points(self) -> int:
        """Points of a tile."""
        extents = self.slides.contraction.extents
        return prod(self.results + extents[a.tap] - 1 for a in self.slides.axes)

    @property
    def each(self) -> int:
        """Tiles that are multiplied by the same kernel."""
        d, axes = self.slides.contraction, self.slides.axes
        return d.volume(self.slides.outer) * prod(-(-d.extents[a.position] // self.results) for a in axes)

    @property
    def rows(self) -> int:
        """Rows that are multiplied for these: registers are filled, unless a few rows are done one by one."""
        blocks, rest = divmod(self.each, self.tiles)
        few, high = rest % self.tile.rows, self.tile.rows
        return blocks * self.tiles + (rest - few) + (high if few > FEW_ROWS else -(-few * high // (FEW_ROWS + 1)))

    def shares(self, threads: int) -> int:
        """Into how many parts the columns are divided, so that threads share few blocks of tiles."""
        d = self.slides.contraction
        parts, columns = d.volume(d.batch) * -(-self.each // self.tiles), d.volume(d.columns)
        balanced = parts % threads == 0 or parts >= MANY_PARTS * threads
        return 1 if balanced else min(threads, -(-columns // (self.tile.vectors * self.lanes)))


def tiles_plan(slides: Slides, results: int, on: Machine) -> FusedTiles | None:
    """The blocks of F(results, taps) along these axes; None where elements do not lie next to each other."""
    return _blocks(slides, results, on) if _lies_together(slides) else None


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


def _blocks(slides: Slides, results: int, on: Machine) -> FusedTiles:
    d = slides.contraction
    lanes = max(1, on.vector // d.dtype.itemsize)
    inner, columns = d.volume(slides.inner), d.volume(d.columns)
    tile = tile_of(LEAST_TILES, columns, inner, lanes, on.registers, False)
    plan = FusedTiles(slides, results, lanes, tile, 0)
    size = plan.points * d.dtype.itemsize
    least = MANY_TILES if size * inner * columns > LARGE_KERNEL else LEAST_TILES
    tiles = tile.rows * max(1, -(-least // tile.rows), TILES // (size * (inner + columns)) // tile.rows)
    return plan._replace(tiles=tiles)


def tiles_cost(c: Contraction, plan: FusedTiles, wanted: Settings) -> Cost:
    """Those of the products at the points, and of three transforms."""
    d, slides, tile, size = plan.slides.contraction, plan.slides, plan.tile, c.dtype.itemsize
    inner, columns, batch = d.volume(slides.inner), d.volume(d.columns), d.volume(d.batch)
    tiles = batch * plan.each
    taps, outputs = d.volume(slides.taps), plan.results ** len(slides.axes)
    vectors = plan.points * (tiles * (-(-inner // plan.lanes) + -(-columns // plan.lanes)))
    sums = plan.results + d.extents[slides.axes[0].tap] - 1
    transforms = TRANSFORM * sums * (vectors + batch * inner * plan.points * -(-columns // plan.lanes))
    cycles = plan.points * batch * plan.rows / LEAST_TILES * tile.cycles + transforms
    flops = 2 * plan.points * (tiles * inner * columns) + 2 * taps * batch * inner * columns
    scratch = size * plan.points * (batch * inner * columns + plan.tiles * (inner + columns))
    moved = size * (prod(d.left.sizes) + prod(d.right.sizes) + outputs * tiles * columns)
    error = max(COOK_TOOM[plan.results, d.extents[a.tap]].error for a in slides.axes)
    kernel = size * plan.points * batch * inner * columns
    seconds = cycles * 4 * plan.lanes / full_rate(c.dtype)
    if kernel > NEAR_KERNEL:  # it is written to memory that is far away, and every block of tiles reads it from there
        reads = -(-plan.each // plan.tiles) * kernel
        seconds += kernel / FAR_RATE + reads / (CACHE_RATE if kernel < FAR_KERNEL else FAR_RATE)
    return Cost(seconds + CALL, flops, moved, scratch, error, False)


def tiles_text(plan: FusedTiles) -> str:
    """What is compiled, see ``winograd.c``."""
    slides, d, size = plan.slides, plan.slides.contraction, plan.slides.contraction.dtype.itemsize
    inner, columns = slides.inner[-1], d.columns[-1]
    turned = sum((d.extents[a.tap] - 1) * d.right.stride(a.tap) for a in slides.axes if a.flipped) // size
    found: dict[str, int | str] = {
        "LANES": plan.lanes, "MR": plan.tile.rows, "NV": plan.tile.vectors,
        "C": d.volume(slides.inner), "K": d.volume(d.columns), "TILES": plan.tiles, "CHAIN": CHAIN, "FEW": FEW_ROWS,
        "C_W": d.right.stride(inner) // size, "K_W": d.right.stride(columns) // size,
        "Y_START": start(d.out) // size, "W_START": start(d.right) // size + turned,
    }  # fmt: skip
    found |= others_defined(slides, d.out, d.right) | axes_defined(slides, plan.results, d.out, d.right)
    return text(found, WINOGRAD)
