"""Gradients of correlations by their kernels by Cook-Toom transforms in C: the adjoint of `fused_tiles`."""

from functools import lru_cache
from math import prod
from typing import NamedTuple

from ...cook_toom.tables import COOK_TOOM
from ...machine.configuration import Settings
from ...machine.native.sources import WINOGRAD_SUMS
from ..contraction import Contraction, is_inside, merged
from ..costs import CACHE_RATE, CALL, Cost, full_rate
from ..direct.definitions import start, text
from ..direct.schedule import Machine
from ..direct.tile import AROUND, FAR, FUSED, LOADS
from ..sliding import Slides
from .fused_axes import axes_defined, beside, others_defined

CACHE = 1400 << 10
"""Bytes of the sums at the points, and of a block of tiles."""

TILES = 16, 24, 32, 48, 64, 96, 128
"""How many tiles a block may have: products that are added one after the other."""

CHAIN = 256
"""Blocks whose sums are added one after the other."""

PARTS = 16
"""How many parts there are at least, where there is work for them: that is divided among threads."""

OWN_SUMS = 8 << 20
"""Bytes of the kernels of all chunks at most."""

TRANSFORM, AT_ONCE = 1.2, 2.0
"""Cycles of a summand of a transform of a vector, and those of reading or writing one."""


class Blocks(NamedTuple):
    """How channels and tiles are cut.

    Attributes:
        cycles: what that is predicted to take.
        inner: the channels of the input of a part.
        columns: those of the other factor.
        tiles: how many tiles a block has.
        rows: of a tile of sums in registers.
        vectors: of the same.
    """

    cycles: float
    inner: int
    columns: int
    tiles: int
    rows: int
    vectors: int


class FusedSums(NamedTuple):
    """How to sum up products of tiles in C.

    Attributes:
        slides: the windows, along one or two axes; their steps are 1.
        results: positions per tile and axis, the m of F(m, r).
        lanes: elements of a vector.
        blocks: see `Blocks`.
        chunks: into how many the tiles of each batch are divided.
    """

    slides: Slides
    results: int
    lanes: int
    blocks: Blocks
    chunks: int

    def __str__(self) -> str:
        d, b = self.slides.contraction, self.blocks
        algorithms = " x ".join(f"F({self.results}, {d.extents[a.tap]})" for a in self.slides.axes)
        inner, columns = min(b.inner, d.volume(self.slides.inner)), min(b.columns, d.volume(d.columns))
        return (
            f"{algorithms} by the kernel, {self.points} points; parts {self.chunks} chunks, {inner} x {columns}; "
            f"{b.tiles} tiles at a time; tile {b.rows} x {b.vectors * self.lanes}"
        )

    @property
    def points(self) -> int:
        """Points of a tile."""
        return _points(self.slides, self.results)


def sums_plan(slides: Slides, results: int, on: Machine) -> FusedSums | None:
    """The blocks of F(results, taps) along these axes; None where elements do not lie next to each other."""
    d = slides.contraction
    together = (
        beside(slides)
        and merged(d.right, d.columns, d.extents) == d.dtype.itemsize
        and merged(d.out, slides.inner, d.extents) is not None
        and merged(d.out, d.columns, d.extents) is not None
        and is_inside(d.right, d.box)
    )
    if not together:
        return None
    lanes = max(1, on.vector // d.dtype.itemsize)
    inner, columns, batch = d.volume(slides.inner), d.volume(d.columns), d.volume(d.batch)
    points, tiles = _points(slides, results), _tiles(slides, results) // batch
    found = _blocks(inner, columns, points, lanes, on.registers, results ** len(slides.axes) / points, d.dtype.itemsize)
    parts = batch * -(-inner // found.inner) * -(-columns // found.columns)
    kernel = d.volume(slides.taps) * inner * columns * batch * d.dtype.itemsize
    chunks = max(1, min(-(-PARTS // parts), OWN_SUMS // kernel, tiles // found.tiles))
    return FusedSums(slides, results, lanes, found, chunks)


def _points(slides: Slides, results: int) -> int:
    return prod(results + slides.contraction.extents[a.tap] - 1 for a in slides.axes)


def _tiles(slides: Slides, results: int) -> int:
    d = slides.contraction
    along = prod(a.dilation * -(-d.extents[a.position] // (results * a.dilation)) for a in slides.axes)
    return d.volume(slides.outer) * d.volume(d.batch) * along


@lru_cache(maxsize=1024)
def _blocks(inner: int, columns: int, points: int, lanes: int, registers: int, share: float, itemsize: int) -> Blocks:
    """The blocks that take the fewest cycles for a tile; what they hold stays in the cache."""
    found = [
        _weighed(inner, columns, points, lanes, registers, share, itemsize, cs, ks, tiles)
        for cs in _cuts(inner, lanes)
        for ks in _cuts(columns, lanes)
        for tiles in TILES
    ]
    return min(block for block in found if block is not None)


def _cuts(extent: int, lanes: int) -> tuple[int, ...]:
    """Whole vectors of about equal blocks, or all."""
    wide = -(-extent // lanes)
    return tuple(dict.fromkeys(-(-wide // n) * lanes for n in range(1, wide + 1)))


def _weighed(
    inner: int, columns: int, points: int, lanes: int, registers: int, share: float, itemsize: int,
    cs: int, ks: int, tiles: int,
) -> Blocks | None:  # fmt: skip
    """The best tile of sums for blocks of `cs` by `ks` channels; None where they do not fit the cache."""
    best: Blocks | None = None
    wide = ks // lanes
    parts = -(-inner // cs), -(-columns // ks)
    transforms = -(-inner // lanes) * parts[1] + (0.5 + 0.5 * share) * -(-columns // lanes) * parts[0]
    for vectors in range(1, min(4, wide) + 1):
        width = -(-wide // vectors) * vectors * lanes
        for rows in range(1, (registers - 2) // vectors):
            high = -(-min(cs, inner) // rows) * rows
            held = itemsize * points * (high * width + tiles * (high + width))
            if rows > min(cs, inner) or (held > CACHE and (cs, ks, tiles) != (lanes, lanes, TILES[0])):
                continue
            sums = rows * vectors
            step = max(sums / FUSED, (rows + vectors) / LOADS) + FAR * vectors
            products = (step + (AROUND + AT_ONCE * sums) / tiles) * (high // rows) * (width // lanes // vectors)
            cycles = points * (parts[0] * parts[1] * products + 2 * TRANSFORM * points**0.5 * transforms)
            option = Blocks(cycles, cs, width, tiles, rows, vectors)
            best = option if best is None else min(best, option)
    return best


def sums_cost(c: Contraction, plan: FusedSums, wanted: Settings) -> Cost:
    """Those of the products at the points, of two transforms, and of that of all chunks."""
    d, slides, b, size = plan.slides.contraction, plan.slides, plan.blocks, c.dtype.itemsize
    inner, columns, batch = d.volume(slides.inner), d.volume(d.columns), d.volume(d.batch)
    tiles, taps = _tiles(slides, plan.results), d.volume(slides.taps)
    kernels = batch * plan.chunks * inner * -(-columns // plan.lanes)
    cycles = tiles * b.cycles + kernels * plan.points * 2 * (AT_ONCE + TRANSFORM * plan.points**0.5)
    flops = 2 * plan.points * tiles * inner * columns + 2 * taps * batch * inner * columns * plan.chunks
    own = taps * batch * inner * columns * size * plan.chunks if plan.chunks > 1 else 0
    scratch = size * plan.points * (b.inner * b.columns + b.tiles * (b.inner + b.columns)) + own
    moved = size * sum(prod(side.sizes) for side in (d.left, d.right, d.out))
    error = max(COOK_TOOM[plan.results, d.extents[a.tap]].error for a in slides.axes)
    seconds = cycles * 4 * plan.lanes / full_rate(c.dtype) + 2 * own / CACHE_RATE + CALL
    return Cost(seconds, flops, moved, scratch, error, False)


def sums_text(plan: FusedSums) -> str:
    """What is compiled, see ``winograd_sums.c``."""
    slides, d, b, size = plan.slides, plan.slides.contraction, plan.blocks, plan.slides.contraction.dtype.itemsize
    inner, columns = d.volume(slides.inner), d.volume(d.columns)
    turned = sum((d.extents[a.tap] - 1) * d.out.stride(a.tap) for a in slides.axes if a.flipped) // size
    found: dict[str, int | str] = {
        "LANES": plan.lanes, "MR": b.rows, "NV": b.vectors, "C": inner, "K": columns,
        "CB": min(b.inner, inner), "KB": b.columns, "TILES": b.tiles, "CHAIN": CHAIN,
        "C_W": d.out.stride(slides.inner[-1]) // size, "K_W": d.out.stride(d.columns[-1]) // size,
        "Y_START": start(d.right) // size, "W_START": start(d.out) // size + turned,
    }  # fmt: skip
    found |= others_defined(slides, d.right, d.out) | axes_defined(slides, plan.results, d.right, d.out)
    return text(found, WINOGRAD_SUMS)
