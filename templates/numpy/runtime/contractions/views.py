"""Bounds-checked strided views, padded with zeros where they lead outside."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..arguments.arrays import Array
from ..arithmetic.ranges import BLOCK
from ..machine.memory import affordable, scratch_memory
from .contraction import Side

MOST_PADDED = 4
"""Elements of padding for each of an array and of the result, beyond which every tap is computed by itself."""


def window(source: Array, extents: tuple[int, ...], positions: tuple[tuple[Any, ...], ...]) -> Array:
    """A read-only array with one axis per index; see `Window`.

    The source is padded with zeros by what the positions reach beyond it and only then viewed: no view can leave it.
    Where that would be far more than what is seen, the elements seen are copied instead.

    Raises:
        ValueError: when either would be larger than this machine's memory.
    """
    if not prod(extents):
        return np.zeros(extents, source.dtype)
    names = tuple(str(k) for k in range(len(extents)))
    steps = tuple(tuple((names[k], step) for k, step in moves) for _, *moves in positions)
    side = Side(source.shape, source.strides, tuple(place[0] for place in positions), steps)
    box = dict(zip(names, ((0, n) for n in extents), strict=True))
    reaches = [side.reach(axis, box) for axis in range(len(side.sizes))]
    if all(low >= 0 and high < size for (low, high), size in zip(reaches, side.sizes, strict=True)):
        made = view_of(source, side, names, box)
    else:
        padded, seen = prod(high - low + 1 for low, high in reaches), prod(extents)
        affordable("window", source.dtype, {"what it sees": extents} if seen < padded else {"the array": (padded,)})
        copied = padded > MOST_PADDED * max(BLOCK, seen)
        made = _seen(source, extents, positions) if copied else view_of(source, side, names, box)
    made.flags.writeable = False
    return made


def _seen(source: Array, extents: tuple[int, ...], positions: tuple[tuple[Any, ...], ...]) -> Array:
    """The elements of a window one by one, 0 where it leaves its source."""
    if not source.size:
        return np.zeros(extents, source.dtype)
    places = []
    for offset, *moves in positions:
        at = np.full((1,) * len(extents), offset, np.int64)
        for k, step in moves:
            at = at + step * np.arange(extents[k]).reshape([-1 if axis == k else 1 for axis in range(len(extents))])
        places.append(at)
    inside = (np.clip(at, 0, size - 1) for at, size in zip(places, source.shape, strict=True))
    found = np.array(np.broadcast_to(source[tuple(inside)], extents))
    for at, size in zip(places, source.shape, strict=True):
        np.copyto(found, 0, where=(at < 0) | (at >= size))
    return found


class Viewing(NamedTuple):
    """How a box of positions is seen in an array: worked out once for each box.

    Attributes:
        padding: how the array is padded first; None where all positions are elements.
        start: the byte at which the view begins.
        extents: its shape.
        strides: in bytes.
        corner: the part of the array that begins there, for arrays that do not lie in memory row by row.
    """

    padding: "Padding | None"
    start: int
    extents: tuple[int, ...]
    strides: tuple[int, ...]
    corner: tuple[slice, ...]


class Padding(NamedTuple):
    """The box of positions that are reached, `inner` of the array `placed` in it, zeros elsewhere."""

    extents: tuple[int, ...]
    inner: tuple[slice, ...]
    placed: tuple[slice, ...]


def view_of(
    array: Array, side: Side, axes: tuple[str, ...], box: Mapping[str, tuple[int, int]], role: str = ""
) -> Array:
    """`array` with an axis per index of `axes` for the ranges of `box`; padded with zeros where they lead outside."""
    padding, start, extents, strides, corner = _viewing(side, axes, tuple(box.items()), array.itemsize)
    if padding is not None:
        array = _padded(array, padding, role)
    if array.flags.c_contiguous and array.flags.writeable:
        return np.ndarray(extents, array.dtype, array, start, strides)
    return np.lib.stride_tricks.as_strided(array[corner], extents, strides)


@lru_cache(maxsize=4096)
def _viewing(side: Side, axes: tuple[str, ...], ranges: tuple[tuple[str, tuple[int, int]], ...], size: int) -> Viewing:
    box = dict(ranges)
    reaches = [side.reach(axis, box) for axis in range(len(side.sizes))]
    offsets, strides, padding = side.offsets, side.strides, None
    if any(low < 0 or high >= n for (low, high), n in zip(reaches, side.sizes, strict=True)):
        padding = _padding(side.sizes, reaches)
        offsets = tuple(offset - low for offset, (low, _) in zip(offsets, reaches, strict=True))
        strides = tuple(size * prod(padding.extents[axis + 1 :]) for axis in range(len(offsets)))
    start = 0
    moves = dict.fromkeys(axes, 0)
    for offset, stride, steps in zip(offsets, strides, side.steps, strict=True):
        start += offset * stride
        for v, step in steps:
            start += step * stride * box[v][0]
            moves[v] += step * stride
    extents = tuple(box[v][1] - box[v][0] for v in axes)
    corner = tuple(
        slice(offset + sum(step * box[v][0] for v, step in steps), None)
        for offset, steps in zip(offsets, side.steps, strict=True)
    )
    return Viewing(padding, start, extents, tuple(moves.values()), corner)


def _padding(sizes: Sequence[int], reaches: Sequence[tuple[int, int]]) -> Padding:
    extents = tuple(high - low + 1 for low, high in reaches)
    inner = tuple(slice(max(low, 0), min(high + 1, n)) for (low, high), n in zip(reaches, sizes, strict=True))
    placed = tuple(slice(part.start - low, part.stop - low) for part, (low, _) in zip(inner, reaches, strict=True))
    return Padding(extents, inner, placed)


def _padded(array: Array, padding: Padding, role: str) -> Array:
    """The box of positions that are reached, with zeros where it leaves the array."""
    extents, inner, placed = padding
    box = scratch_memory(role, prod(extents), array.dtype).reshape(extents) if role else np.empty(extents, array.dtype)
    box.fill(0)
    if all(part.start < part.stop for part in inner):
        box[placed] = array[inner]
    return box
