"""Planes that windows slide over."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...arguments.arrays import Array
from ..contraction import Contraction, Side
from ..places import grid_distances
from ..sliding import Slides, sliding_windows

MANY_PLANES = 4096
"""Planes of a window, times those of the result, beyond which matrix products are faster."""

PLANE = 1 << 11
"""Elements of a plane that are computed at once."""


class Planes(NamedTuple):
    """Planes in an array, for compiled loops; everything is counted in elements.

    Attributes:
        outer: where the planes of every outer index start.
        inner: where every plane starts within those.
        steps: from element to element along both axes.
        corner: which element of the array is the first of a plane, along both axes.
        sizes: the extents of the array along them; beyond it elements are 0.
    """

    outer: Array
    inner: Array
    steps: tuple[int, int]
    corner: tuple[int, int]
    sizes: tuple[int, int]


class Planar(NamedTuple):
    """How to compute a contraction on planes: what windows slide over, one plane per remaining index.

    Attributes:
        slides: the windows; their steps are 1.
        shape: positions along both axes, and how far windows reach along them beyond one element.
        band: rows of positions that are computed at once.
        number: of the bands of all planes.
        offsets: where what a window reads is, relative to its first element: inner indices, then taps.
        moving: the planes that windows slide over.
        other: the planes of the result, or of the other factor of an adjoint.
    """

    slides: Slides
    shape: tuple[int, int, int, int]
    band: int
    number: int
    offsets: Array
    moving: Planes
    other: Planes


def planar_plan(c: Contraction) -> Planar | None:
    """The planes of both arrays; None where windows have steps, or matrix products are faster."""
    for slides in sliding_windows(c, 2):
        d, axes = slides.contraction, slides.axes
        if d.batch or any(a.step != 1 for a in axes) or d.volume(slides.inner, d.columns) > MANY_PLANES:
            continue
        beside = d.right if slides.adjoint else d.out
        places = [next((k for k, steps in enumerate(beside.steps) if steps == ((a.position, 1),)), None) for a in axes]
        moving = _planes(d.left, [a.axis for a in axes], [a.offset for a in axes], slides.outer, slides.inner, d)
        if moving is None or None in places:
            continue
        at = [k for k in places if k is not None]
        other = _planes(beside, at, [beside.offsets[k] for k in at], slides.outer, d.columns, d)
        if other is not None:
            rows, columns = [1, *(d.extents[a.position] for a in axes)][-2:]
            down, right = [0, *(a.dilation * (d.extents[a.tap] - 1) for a in axes)][-2:]
            bands = -(-rows // max(1, min(rows, PLANE // (columns + right))))
            number, band = bands * d.volume(slides.outer), -(-rows // bands)
            offsets = _window_offsets(slides, columns + right, band + down)
            return Planar(slides, (rows, columns, down, right), band, number, offsets, moving, other)
    return None


def _window_offsets(slides: Slides, pitch: int, rows: int) -> Array:
    d = slides.contraction
    distances = [1] if len(slides.axes) == 1 else [pitch, 1]
    moves = {a.tap: a.dilation * n for a, n in zip(slides.axes, distances, strict=True)}
    planes = np.arange(d.volume(slides.inner)) * rows * pitch
    return np.add.outer(planes, grid_distances(slides.taps, moves, d.box)).ravel()


def _planes(
    side: Side, axes: Sequence[int], corner: Sequence[int], outer: Sequence[str], inner: Sequence[str], d: Contraction
) -> Planes | None:
    """The planes of an array along one or two axes; None where memory runs backwards or another axis is left."""
    size = d.dtype.itemsize
    others = [k for k in range(len(side.sizes)) if k not in axes]
    reaches = [(*side.reach(k, d.box), side.sizes[k]) for k in others]
    used = (*side.strides, *(side.stride(v) for v in (*outer, *inner)))
    if any(low < 0 or high >= n for low, high, n in reaches) or any(n < 0 or n % size for n in used):
        return None
    start = sum(side.offsets[k] * side.strides[k] for k in others) // size
    moves = {v: side.stride(v) // size for v in (*outer, *inner)}
    steps = [0, *(side.strides[k] // size for k in axes)][-2:]
    corners, sizes = [0, *corner][-2:], [1, *(side.sizes[k] for k in axes)][-2:]
    return Planes(
        start + grid_distances(outer, moves, d.box), grid_distances(inner, moves, d.box),
        (steps[0], steps[1]), (corners[0], corners[1]), (sizes[0], sizes[1]),
    )  # fmt: skip
