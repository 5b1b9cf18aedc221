"""Gradients of correlations by their kernels by Cook-Toom transforms in C: the adjoint of `fused_tiles`."""

from functools import lru_cache
from math import prod
from typing import NamedTuple

from ...machine.configuration import Settings
from ...machine.native.sources import WINOGRAD_SUMS
from ..contraction import Contraction, is_inside, merged
from ..costs import CACHE_RATE, CALL, Cost, full_rate
from ..direct.definitions import start, text
from ..direct.schedule import Machine
from ..direct.tile import AROUND, FAR, FUSED, LOADS
from .divided_windows import DividedWindows
from .fused_axes import axes_defined, beside, others_defined, pieces_defined

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
        windows: in pieces, with F(m, r) along one or two axes.
        lanes: elements of a vector.
        blocks: see `Blocks`.
        chunks: into how many the tiles of each batch are divided.
    """

    windows: DividedWindows
    lanes: int
    blocks: Blocks
    chunks: int

    def __str__(self) -> str:
        windows, b, slides = self.windows, self.blocks, self.windows.slides
        d = slides.contraction
        inner, columns = min(b.inner, d.volume(slides.inner)), min(b.columns, d.volume(d.columns))
        return (
            f"{windows} by the kernel, {windows.points} points; parts {self.chunks} chunks, {inner} x {columns}; "
            f"{b.tiles} tiles at a time; tile {b.rows} x {b.vectors * self.lanes}"
        )


def sums_plan(windows: DividedWindows, on: Machine) -> FusedSums | None:
    """The blocks of tiles; None where elements do not lie next to each other."""
    slides = windows.slides
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
    points, tiles = windows.points, _tiles(windows) // batch
    share, pieces = windows.results ** len(slides.axes) / points, len(windows.pieces)
    found = _blocks(inner, pieces, columns, points, lanes, on.registers, share, d.dtype.itemsize)
    parts = batch * -(-inner // found.inner) * -(-columns // found.columns)
    kernel = windows.taps * windows.depth * columns * batch * d.dtype.itemsize
    chunks = max(1, min(-(-PARTS // parts), OWN_SUMS // kernel, tiles // found.tiles))
    return FusedSums(windows, lanes, found, chunks)


def _tiles(windows: DividedWindows) -> int:
    slides, d = windows.slides, windows.slides.contraction
    apart = [(d.extents[a.sliding.position], abs(a.dilation)) for a in windows.axes]
    along = prod(dilation * -(-extent // (windows.results * dilation)) for extent, dilation in apart)
    return d.volume(slides.outer) * d.volume(d.batch) * along


@lru_cache(maxsize=1024)
def _blocks(
    inner: int, pieces: int, columns: int, points: int, lanes: int, registers: int, share: float, itemsize: int
) -> Blocks:
    """The blocks that take the fewest cycles for a tile; what they hold stays in the cache."""
    found = [
        _weighed(inner, pieces, columns, points, lanes, registers, share, itemsize, cs, ks, tiles)
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
    inner: int, pieces: int, columns: int, points: int, lanes: int, registers: int, share: float, itemsize: int,
    cs: int, ks: int, tiles: int,
) -> Blocks | None:  # fmt: skip
    """The best tile of sums for blocks of `cs`, for each piece, by `ks` channels; None where no cache holds them."""
    best: Blocks | None = None
    wide = ks // lanes
    parts = -(-inner // cs), -(-columns // ks)
    transforms = pieces * -(-inner // lanes) * parts[1] + (0.5 + 0.5 * share) * -(-columns // lanes) * parts[0]
    for vectors in range(1, min(4, wide) + 1):
        width = -(-wide // vectors) * vectors * lanes
        for rows in range(1, (registers - 2) // vectors):
            high = -(-pieces * min(cs, inner) // rows) * rows
            held = itemsize * points * (high * width + tiles * (high + width))
            if rows > pieces * min(cs, inner) or (held > CACHE and (cs, ks, tiles) != (lanes, lanes, TILES[0])):
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
    windows, b, size = plan.windows, plan.blocks, c.dtype.itemsize
    d, points, depth = windows.slides.contraction, windows.points, windows.depth
    columns, batch, tiles = d.volume(d.columns), d.volume(d.batch), _tiles(windows)
    kernels = batch * plan.chunks * depth * -(-columns // plan.lanes)
    cycles = tiles * b.cycles + kernels * points * 2 * (AT_ONCE + TRANSFORM * points**0.5)
    flops = 2 * points * tiles * depth * columns + 2 * windows.taps * batch * depth * columns * plan.chunks
    own = windows.taps * batch * depth * columns * size * plan.chunks if plan.chunks > 1 else 0
    high = len(windows.pieces) * b.inner
    scratch = size * points * (high * b.columns + b.tiles * (high + b.columns)) + own
    moved = size * sum(prod(side.sizes) for side in (d.left, d.right, d.out))
    seconds = cycles * 4 * plan.lanes / full_rate(c.dtype) + 2 * own / CACHE_RATE + CALL
    return Cost(seconds, flops, moved, scratch, windows.error, False)


def sums_text(plan: FusedSums) -> str:
    """What is compiled, see ``winograd_sums.c``."""
    slides, b = plan.windows.slides, plan.blocks
    d, size = slides.contraction, slides.contraction.dtype.itemsize
    inner, columns = d.volume(slides.inner), d.volume(d.columns)
    found: dict[str, int | str] = {
        "LANES": plan.lanes, "MR": b.rows, "NV": b.vectors, "C": inner, "K": columns,
        "CB": min(b.inner, inner), "KB": b.columns, "TILES": b.tiles, "CHAIN": CHAIN,
        "C_W": d.out.stride(slides.inner[-1]) // size, "K_W": d.out.stride(d.columns[-1]) // size,
        "Y_START": start(d.right) // size, "W_START": start(d.out) // size,
    }  # fmt: skip
    found |= others_defined(slides, d.right, d.out) | axes_defined(plan.windows, d.right, d.out)
    found |= pieces_defined(plan.windows, d.out)
    return text(found, WINOGRAD_SUMS)
