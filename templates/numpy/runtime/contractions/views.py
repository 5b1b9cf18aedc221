"""Bounds-checked strided views, padded with zeros where they lead outside."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import gcd, prod
from typing import Any, NamedTuple

import numpy as np

from ..arguments.arrays import Array
from ..arithmetic.ranges import BLOCK
from ..machine.memory import affordable, empty, scratch_memory
from .contraction import Side, packed_strides
from .subscripts import windowed

Positions = tuple[tuple[Any, ...], ...]
"""For each axis of an array an offset, and what moves along it: (index, step)."""

MOST_PADDED = 4
"""Elements of padding for each of an array and of the result, beyond which every tap is computed by itself."""


def window(spec: str, source: Array, extents: tuple[int, ...]) -> Array:
    """A read-only array with one axis per index, as in "n 2i+r -> n i r"; it is 0 outside of the source.

    The source is padded with zeros by what the positions reach beyond it and only then viewed: no view can leave it.
    Where that would be far more than what is seen, the elements seen are copied instead.

    Raises:
        ValueError: when either would be larger than this machine's memory.
    """
    if not prod(extents):
        return np.zeros(extents, source.dtype)
    extents, positions = windowed(spec, 0, extents, ())
    source, positions = _thinned(source, positions)
    side, names, box = seen_from(source.shape, source.strides, extents, positions)
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


def _thinned(source: Array, positions: Positions) -> tuple[Array, Positions]:
    """An array of the elements alone that can be met where every step along an axis is a multiple of a number."""
    apart = [gcd(*(step for _, step in moves)) or 1 for _, *moves in positions]
    seen = source[tuple([slice(offset % g, None, g) for (offset, *_), g in zip(positions, apart, strict=True)])]
    nearer = tuple(
        [
            (offset // g, *[(k, step // g) for k, step in moves])
            for (offset, *moves), g in zip(positions, apart, strict=True)
        ]
    )
    return seen, nearer


def seen_from(
    shape_: tuple[int, ...],
    strides: tuple[int, ...],
    extents: tuple[int, ...],
    positions: Positions,
) -> tuple[Side, tuple[str, ...], dict[str, tuple[int, int]]]:
    """A window as the positions in an array of that shape and strides, its indices by name, and their ranges."""
    names = tuple(str(k) for k in range(len(extents)))
    steps = tuple(tuple((names[k], step) for k, step in moves) for _, *moves in positions)
    side = Side(shape_, strides, tuple(place[0] for place in positions), steps)
    return side, names, dict(zip(names, ((0, n) for n in extents), strict=True))


def _seen(source: Array, extents: tuple[int, ...], positions: Positions) -> Array:
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


class View(NamedTuple):
    """How a box of positions is seen in an array: worked out once, for any array of these sizes and strides.

    Attributes:
        padding: how the array is padded first; None where all positions are elements.
        role: of the memory for that; "" for a new array each time.
        itemsize: bytes of an element.
        start: the byte at which the view begins.
        extents: its shape.
        strides: in bytes.
        corner: the part of the array that begins there; None where the array, or its padded box, lies in memory row by
            row.
        whole: whether such a one is seen from the first to the last element.
    """

    padding: "Padding | None"
    role: str
    itemsize: int
    start: int
    extents: tuple[int, ...]
    strides: tuple[int, ...]
    corner: tuple[slice, ...] | None
    whole: bool

    def of(self, array: Array) -> Array:
        """The array seen so; read-only where that is."""
        padding, role, _, start, extents, strides, corner, whole = self
        if padding is not None:
            array = padded(array, padding, role)
        if whole:  # three times as fast
            return array.reshape(extents)
        if corner is None:
            return np.ndarray(extents, array.dtype, array, start, strides)
        return np.lib.stride_tricks.as_strided(array[corner], extents, strides)

    def reader(self) -> Callable[[Array], Array]:
        """`of`, for many calls."""
        _, _, _, start, extents, strides, corner, whole = self
        if self.padding is None and whole:
            return lambda array: array.reshape(extents)
        if self.padding is None and corner is None:
            return lambda array: np.ndarray(extents, array.dtype, array, start, strides)
        return self.of

    def shaped(self, extents: tuple[int, ...]) -> "View | None":
        """The same elements with other axes; None where that takes a copy."""
        example = np.empty(1, np.dtype((np.void, self.itemsize)))
        try:
            shaped = np.lib.stride_tricks.as_strided(example, self.extents, self.strides).reshape(extents, copy=False)
        except ValueError:
            return None
        return self._replace(extents=extents, strides=shaped.strides)


class Padding(NamedTuple):
    """The box of positions that are reached, `inner` of the array `placed` in it, zeros elsewhere."""

    extents: tuple[int, ...]
    inner: tuple[slice, ...]
    placed: tuple[slice, ...]


def view_of(
    array: Array, side: Side, axes: tuple[str, ...], box: Mapping[str, tuple[int, int]], role: str = ""
) -> Array:
    """`array` with an axis per index of `axes` for the ranges of `box`; padded with zeros where they lead outside."""
    return view(side, axes, box, array.itemsize, role).of(array)


def view(side: Side, axes: tuple[str, ...], box: Mapping[str, tuple[int, int]], itemsize: int, role: str = "") -> View:
    """What `view_of` sees in any array of these sizes and strides."""
    return _view(side, axes, tuple(box.items()), itemsize, role)


@lru_cache(maxsize=4096)
def _view(
    side: Side, axes: tuple[str, ...], ranges: tuple[tuple[str, tuple[int, int]], ...], itemsize: int, role: str
) -> View:
    box = dict(ranges)
    reaches = [side.reach(axis, box) for axis in range(len(side.sizes))]
    sizes, offsets, strides, padding = side.sizes, side.offsets, side.strides, None
    if any(low < 0 or high >= n for (low, high), n in zip(reaches, sizes, strict=True)):
        moved, padding = padding_of(side, box, itemsize)
        sizes, strides, offsets = moved.sizes, moved.strides, moved.offsets
    start = 0
    moves = dict.fromkeys(axes, 0)
    for offset, stride, steps in zip(offsets, strides, side.steps, strict=True):
        start += offset * stride
        for v, step in steps:
            start += step * stride * box[v][0]
            moves[v] += step * stride
    extents, seen = tuple(box[v][1] - box[v][0] for v in axes), tuple(moves.values())
    if _is_packed(sizes, strides, itemsize):
        whole = not start and prod(sizes) == prod(extents) and _is_packed(extents, seen, itemsize)
        return View(padding, role, itemsize, start, extents, seen, None, whole)
    places = zip(offsets, side.steps, strict=True)
    corner = tuple(slice(n + sum(step * box[v][0] for v, step in moves), None) for n, moves in places)
    return View(padding, role, itemsize, start, extents, seen, corner, False)


def padding_of(side: Side, box: Mapping[str, tuple[int, int]], itemsize: int) -> tuple[Side, Padding]:
    """The positions in a copy of the box that is reached, and how that is made."""
    reaches = [side.reach(axis, box) for axis in range(len(side.sizes))]
    padding = _padding(side.sizes, reaches)
    offsets = tuple(offset - low for offset, (low, _) in zip(side.offsets, reaches, strict=True))
    return Side(padding.extents, packed_strides(padding.extents, itemsize), offsets, side.steps), padding


def _is_packed(sizes: Sequence[int], strides: Sequence[int], itemsize: int) -> bool:
    """Whether an array with these strides lies in memory row by row; those of extent 1 say nothing."""
    return all(n == 1 or s == p for n, s, p in zip(sizes, strides, packed_strides(sizes, itemsize), strict=True))


def _padding(sizes: Sequence[int], reaches: Sequence[tuple[int, int]]) -> Padding:
    extents = tuple(high - low + 1 for low, high in reaches)
    inner = tuple(slice(max(low, 0), min(high + 1, n)) for (low, high), n in zip(reaches, sizes, strict=True))
    placed = tuple(slice(part.start - low, part.stop - low) for part, (low, _) in zip(inner, reaches, strict=True))
    return Padding(extents, inner, placed)


def padded(array: Array, padding: Padding, role: str, outside: float = 0) -> Array:
    """The box of positions that are reached, with zeros or another value where it leaves the array."""
    extents, inner, placed = padding
    box = scratch_memory(role, extents, array.dtype) if role else empty(extents, array.dtype)
    box.fill(outside)
    if all(part.start < part.stop for part in inner):
        box[placed] = array[inner]
    return box
