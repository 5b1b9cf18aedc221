"""How a contraction is divided into tiles for Cook-Toom algorithms."""

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

from ...arithmetic.ranges import box_blocks
from ...cook_toom.tables import COOK_TOOM
from ...machine.threads import available
from ..contraction import Contraction, is_plain
from ..sliding import Slides, Sliding, sliding_windows

LEAST_TILES = 32
"""Tiles of a block at least."""

MOST_TILES = 256
"""Tiles of a block at most."""

TILES = 6 << 20
"""Bytes of the transforms of a block of tiles."""

LARGE_TILES = 10 << 20
"""Bytes of the transform of the windows where columns are computed block by block: 12 MiB would need 54 MB in all."""

LARGE_KERNEL = 16 << 20
"""Bytes of the transform of a kernel from which on its columns are computed block by block."""

LARGE_SUM = 6 << 20
"""The same for its gradient."""

COLUMNS = 128
"""Columns of such a block."""


class Winograd(NamedTuple):
    """How to compute a contraction tile by tile, with fewer multiplications than by definition.

    Attributes:
        slides: the windows; their steps are 1.
        results: results per tile and axis, the m of F(m, r).
        tiles: the name of the index that counts tiles along an axis.
        points: the name of the index of the points within a tile of an axis.
        chunks: per residue of dilated positions the ranges of tiles and outer indices, block by block.
        columns: the ranges of columns, block by block; a single block where all columns are computed at once.
    """

    slides: Slides
    results: tuple[int, ...]
    tiles: tuple[str, ...]
    points: tuple[str, ...]
    chunks: tuple[tuple[tuple[int, ...], tuple[Any, ...]], ...]
    columns: tuple[Any, ...]

    @property
    def products(self) -> int:
        """Multiplications per tile: one at each point that is interpolated."""
        d = self.slides.contraction
        return prod(m + d.extents[a.tap] - 1 for m, a in zip(self.results, self.slides.axes, strict=True))


def winograd_plan(results: int, c: Contraction) -> Winograd | None:
    """The tiles of F(results, taps) along one or two axes; None where no window slides so that there is such a one."""
    for slides in sliding_windows(c, 2):
        d = slides.contraction
        axes = tuple(a for a in slides.axes if a.step == 1 and (results, d.extents[a.tap]) in COOK_TOOM)
        if axes and d.columns and (slides.inner or not slides.adjoint) and _are_tiled(slides, axes):
            return _winograd_blocks(slides._replace(axes=axes), results)
    return None


def _are_tiled(slides: Slides, axes: Sequence[Sliding]) -> bool:
    """Whether the positions are whole axes of the factor that is transformed with them, so that it is 0 beyond."""
    d = slides.contraction
    if not slides.adjoint:
        return True
    plain = {steps[0][0] for axis, steps in enumerate(d.right.steps) if steps and is_plain(d.right, axis, d.extents)}
    return all(a.position in plain for a in axes)


def _winograd_blocks(slides: Slides, results: int) -> Winograd:
    """Blocks so that what is transformed stays in cache; of columns too where the kernel's transform is large."""
    d = slides.contraction
    m = (results,) * len(slides.axes)
    points = prod(results + d.extents[a.tap] - 1 for a in slides.axes)
    inner, columns, batch = d.volume(slides.inner), d.volume(d.columns), d.volume(d.batch)
    size = d.dtype.itemsize
    kernel = points * batch * inner * columns * size
    if kernel > (LARGE_SUM if slides.adjoint else LARGE_KERNEL):
        each, column = LARGE_TILES // (points * batch * inner * size), COLUMNS
    else:
        each, column = TILES // (points * batch * (inner + columns) * size), columns
        number = d.volume(slides.outer) * prod(-(-d.extents[a.position] // (results * a.dilation)) for a in slides.axes)
        each = min(each, MOST_TILES, -(-number // available()))
    tiles = tuple(f"{a.position} tile" for a in slides.axes)
    chunks: list[tuple[tuple[int, ...], tuple[Any, ...]]] = []
    for residue in product(*(range(min(a.dilation, d.extents[a.position])) for a in slides.axes)):
        extents = {v: d.extents[v] for v in slides.outer}
        for a, name, rest in zip(slides.axes, tiles, residue, strict=True):
            extents[name] = -(-(d.extents[a.position] - rest) // (results * a.dilation))
        blocks = box_blocks(tuple(extents), extents, max(each, LEAST_TILES))
        whole = tuple((v, (0, n)) for v, n in extents.items())
        chunks += [(residue, tuple((dict(whole) | dict(block)).items())) for block in blocks]
    names = tuple(f"{a.position} point" for a in slides.axes)
    return Winograd(slides, m, tiles, names, tuple(chunks), box_blocks(d.columns, d.extents, column))
