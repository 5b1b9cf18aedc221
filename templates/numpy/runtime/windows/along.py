"""Windows axis by axis."""

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..arguments.arrays import Array
from ..arithmetic.ranges import clip, reaching, span
from ..machine.memory import scratch_memory

TILE = 1 << 22
"""Bytes of the part of an array that is reduced at a time: more than a cache, so that a call takes long enough."""

RUNS = 256
"""Elements next to each other up to which slices with gaps between such runs are gathered before they are used."""


SMALL = 1 << 12
"""Elements up to which slices of whatever kind take less time than calls that gather."""


def are_scattered(extents: Sequence[int], axis: int, step: int) -> bool:
    """Whether every `step`-th slice along an axis of a box takes long: there are many short runs in memory."""
    return step > 1 and prod(extents[axis + 1 :]) <= RUNS and prod(extents) > SMALL


class Along(NamedTuple):
    """Windows along one axis: tap t of window v is the element ``offsets[t] + step * v``, if there is such a one.

    Attributes:
        size: of the axis.
        windows: how many there are.
        step: from window to window.
        offsets: of the taps of window 0; those that are no element in any window are left out.
        places: what each of these taps contributes to the row-major position in its window.
    """

    size: int
    windows: int
    step: int
    offsets: tuple[int, ...]
    places: tuple[int, ...]

    def part(self, low: int, high: int) -> "tuple[slice, Along | None]":
        """The elements that the windows low..high see, and the windows over these; None where each is one of them."""
        offsets = [o + self.step * low for o in self.offsets]
        last = self.step * (high - low - 1)
        if self.places == (0,) and offsets[0] >= 0 and offsets[0] + last < self.size:
            return span(self.step, offsets[0], 0, high - low), None
        start = min(max(0, min(offsets, default=0)), self.size)
        stop = max(start, min(self.size, max(offsets, default=0) + last + 1))
        shifted = tuple(o - start for o in offsets)
        return slice(start, stop), self._replace(size=stop - start, windows=high - low, offsets=shifted)

    @property
    def unreached(self) -> Array:
        """The windows without an element."""
        changes = np.zeros(self.windows + 1, np.int64)
        for offset in self.offsets:
            low, high = clip(self.windows, (self.step, offset, self.size))
            if low < high:
                changes[low] += 1
                changes[high] -= 1
        return np.flatnonzero(np.cumsum(changes[:-1]) == 0)

    def taps(self, axis: int, residues: tuple[int, ...] = ()) -> "tuple[Tap, ...]":
        """The taps that are elements in some windows, those of most windows first.

        Where there are `residues` modulo the step, the elements of each of these are an array of their own.
        """
        found = []
        for place, offset in zip(self.places, self.offsets, strict=True):
            low, high = clip(self.windows, (self.step, offset, self.size))
            if low < high:
                first, residue = divmod(offset, self.step)
                of = slice(low + first, high + first) if residues else span(self.step, offset, low, high)
                array = residues.index(residue) if residues else 0
                to = along_axis(axis, slice(low, high))
                found.append(Tap(to, array, along_axis(axis, of), place))
        return tuple(sorted(found, key=lambda tap: tap.to[axis].start - tap.to[axis].stop))

    def residues(self, extents: Sequence[int], axis: int) -> tuple[int, ...]:
        """Those of the taps, where gathering their elements pays; the windows lie along an axis of a box."""
        return tuple(sorted({o % self.step for o in self.offsets})) if are_scattered(extents, axis, self.step) else ()


class Tap(NamedTuple):
    """The results that see a tap, the elements of which array it is there, and its part of the position in a window."""

    to: tuple[slice, ...]
    array: int
    of: tuple[slice, ...]
    place: int


class Stage(NamedTuple):
    """A reduction along one axis.

    Attributes:
        extents: of the result.
        arrays: the slices of the source that are gathered first; () for none.
        groups: slices that cover the result, each with its taps.
        scattered: whether these slices are computed elsewhere and then put in their place.
    """

    extents: tuple[int, ...]
    arrays: tuple[tuple[slice, ...], ...]
    groups: tuple[tuple[tuple[slice, ...], tuple[Tap, ...]], ...]
    scattered: bool = False


class Fold(NamedTuple):
    """What reduces a window: how two values are combined, and the value of no element."""

    combine: np.ufunc
    empty: float


class Tile(NamedTuple):
    """A part of a result, the part of the source that it is computed of, and the stages of that."""

    result: tuple[slice, ...]
    source: tuple[slice, ...]
    stages: tuple[Stage, ...]


def along_axis(axis: int, part: slice) -> tuple[slice, ...]:
    """The subscript of a part of one axis."""
    return (*(slice(None),) * axis, part)


def windows_along(
    shape_: tuple[int, ...], extents: tuple[int, ...], positions: tuple[tuple[Any, ...], ...], kept: int
) -> tuple[Along, ...]:
    """The windows along every axis of an array of that shape: the first indices number windows, the others taps."""
    found = []
    for size, (offset, *moves) in zip(shape_, positions, strict=True):
        steps = {v < kept: (v, step) for v, step in moves}
        window_, step = steps.get(True, (None, 1))
        tap, dilation = steps.get(False, (None, 0))
        count_ = 1 if window_ is None else extents[window_]
        taps = _taps_inside(size, count_, step, offset, 1 if tap is None else extents[tap], dilation)
        weight = 0 if tap is None else prod(extents[tap + 1 :])
        offsets = tuple(offset + dilation * t for t in taps)
        found.append(Along(size, count_, step, offsets, tuple(weight * t for t in taps)))
    return tuple(found)


def _taps_inside(size: int, windows: int, step: int, offset: int, taps: int, dilation: int) -> Sequence[int]:
    """The taps that are elements in some windows; found by arithmetic, for most of them may lie outside."""
    if not windows or not size:
        return ()
    if not dilation:
        return range(int(any(clip(windows, (step, offset, size)))))
    low, high = reaching(dilation, offset, offset + step * (windows - 1), size)
    if step <= size or windows == 1:
        return range(max(0, low), min(taps, high))
    ranges = (range(*clip(taps, (dilation, offset + step * v, size))) for v in range(windows))
    return sorted({t for part in ranges for t in part})


class Order(NamedTuple):
    """How an array that has an axis per window index gets axes as the source has them; None where it has these.

    Attributes:
        axes: its axes in their order.
        at: the subscript that then adds those of length 1.
    """

    axes: tuple[int, ...] | None
    at: tuple[slice | None, ...] | None

    def of(self, array: Array) -> Array:
        """The array with axes as the source has them."""
        moved = array if self.axes is None else array.transpose(self.axes)
        return moved if self.at is None else moved[self.at]

    def factor(self, scale: Any, like: Array) -> Array | None:
        """What multiplies an array, broadcast to one that has an axis per window index."""
        return None if scale is None else self.of(np.broadcast_to(np.asarray(scale, like.dtype), like.shape))


def order_of(positions: tuple[tuple[Any, ...], ...], kept: int) -> Order:
    """The order of the axes of a source; the first indices number windows."""
    indices = [next((v for v, _ in moves if v < kept), None) for _, *moves in positions]
    axes = tuple(v for v in indices if v is not None)
    at = tuple(None if v is None else slice(None) for v in indices)
    return Order(None if axes == tuple(range(kept)) else axes, at if None in at else None)


def boxes_of(extents: Sequence[int], most: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Boxes of about `most` elements that cover an array, whole along its last axes."""
    inner, ranges = 1, []
    for extent in reversed(extents):
        parts = -(-extent // max(1, most // max(1, inner)))
        step = max(1, -(-extent // max(1, parts)))
        ranges.append([(start, min(start + step, extent)) for start in range(0, extent, step)])
        inner *= extent
    return product(*reversed(ranges))


def copy_runs(target: Array, source: Array) -> None:
    """Copy, run by run and not element by element where the last axis of both is a run."""
    item = target.itemsize
    long = target.size > SMALL and target.shape[-1:] > (1,)
    if long and target.dtype == source.dtype and target.strides[-1] == source.strides[-1] == item:
        run = np.dtype((np.void, item * target.shape[-1]))
        target, source = target.view(run), source.view(run)
    np.copyto(target, source)


def gathered(role: str, source: Array, stage: Stage) -> list[Array]:
    """The arrays that the taps of a stage are elements of."""
    found = []
    for number, at in enumerate(stage.arrays):
        part = source[at]
        room = scratch_memory(f"{role}{number}", part.shape, part.dtype)
        copy_runs(room, part)
        found.append(room)
    return found or [source]
