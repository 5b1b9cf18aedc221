"""Sums over parts of an axis: those that begin with it, those that end with it, windows, segments. One pass makes all.

The sum of a segment is that of its own elements, and that of a window the end of one block and the beginning of the
next one: no difference of two sums that have grown.
"""

import numpy as np

from ..arguments.arrays import Array
from ..machine.compiled import run
from ..machine.memory import empty
from ..machine.process import process

END = 1 << 40
"""Behind every axis."""


def running_sums(values: Array, axis: int, places: int, *ends: tuple[int, int]) -> Array:
    """A new array of the sums of ``values[k]`` over k from ``i + first`` to ``i + last``, for each i from 0 on.

    Args:
        values: what is summed, 0 outside.
        axis: that of k, in the result that of i.
        places: how many i there are.
        ends: pairs of first and last, all of which hold.
    """
    length = values.shape[axis]
    first, last = max(a for a, _ in ends), min(b for _, b in ends)
    from_start, to_end = first + places - 1 <= 0, last >= length - 1
    kind = 0 if from_start else 1 if to_end else 2
    moved, out = _moved(values, axis, places)
    if last < first or not moved.size or not out.size:
        out[...] = 0
    elif not _loops(out, moved, kind, (first, last)):
        _by_blocks(out, moved, kind, first, last)
    return out.reshape(_shape(values, axis, places))


def segment_sums(values: Array, axis: int, begins: Array, ends: Array) -> Array:
    """A new array of the sums of ``values[k]`` over k from ``begins[i]`` on and before ``ends[i]``, for each i."""
    starts, behind = _labels(begins, ends, values.shape[axis])
    moved, out = _moved(values, axis, len(starts))
    if not moved.size or not out.size:
        out[...] = 0
    elif not _loops(out, moved, 3, (0, 0), starts, behind):
        for i, (start, stop) in enumerate(zip(starts.tolist(), behind.tolist(), strict=True)):
            out[:, i] = moved[:, start:stop].sum(axis=1, dtype=np.float64)
    return out.reshape(_shape(values, axis, len(starts)))


def spread_segments(values: Array, axis: int, extent: int, begins: Array, ends: Array) -> Array:
    """A new array whose element k is the sum of ``values[i]`` over the i with ``begins[i] <= k < ends[i]``."""
    starts, behind = _labels(begins, ends, extent)
    moved, out = _moved(values, axis, extent)
    if not moved.size or not out.size or not _loops(out, moved, 4, (0, 0), starts, behind):
        out[...] = 0
        for i, (start, stop) in enumerate(zip(starts.tolist(), behind.tolist(), strict=True)):
            out[:, start:stop] += moved[:, i : i + 1]
    return out.reshape(_shape(values, axis, extent))


def _shape(values: Array, axis: int, places: int) -> tuple[int, ...]:
    return (*values.shape[:axis], places, *values.shape[axis + 1 :])


def _moved(values: Array, axis: int, places: int) -> tuple[Array, Array]:
    """The values with what is before the axis as one, and what is behind it; and a new array for the sums."""
    outer = int(np.prod(values.shape[:axis], dtype=np.int64))
    inner = int(np.prod(values.shape[axis + 1 :], dtype=np.int64))
    return values.reshape(outer, values.shape[axis], inner), empty((outer, places, inner), values.dtype)


def _labels(begins: Array, ends: Array, extent: int) -> tuple[Array, Array]:
    """Where segments begin and end, within the axis."""
    pair = np.broadcast_arrays(begins, ends)
    starts, behind = (np.clip(np.asarray(p, np.int64), 0, extent) for p in pair)
    return starts, np.maximum(starts, behind)


def _loops(out: Array, values: Array, kind: int, ends: tuple[int, int], *labels: Array) -> bool:
    """Loops in C; False where they are not wanted, or cannot be compiled."""
    outer, length, inner = values.shape
    with process.loading:
        from ..machine.native.sources import PARTS
    first, last = (min(max(end, -END), END) for end in ends)
    sizes = length, out.shape[1], inner, kind, first, last
    uses = "w-" + "-" * len(labels)
    integers = (2, 3)[: len(labels)]
    return run(
        PARTS, outer, values.size + out.size, (out, values, *labels), (), sizes, (), integers=integers, uses=uses
    )


def _by_blocks(out: Array, values: Array, kind: int, first: int, last: int) -> None:
    """The same by NumPy: sums that grow along blocks of the axis, in float64."""
    length, places = values.shape[1], out.shape[1]
    if kind == 2:
        size = last - first + 1
        count = -(-(places + size - 1) // size)
        padded = np.zeros((values.shape[0], count * size, values.shape[2]), values.dtype)
        low, high = max(0, -first), min(count * size, length - first)
        if high > low:
            padded[:, low:high] = values[:, low + first : high + first]
        blocks = padded.reshape(values.shape[0], count, size, values.shape[2])
        before = np.add.accumulate(blocks, axis=2, dtype=np.float64).reshape(padded.shape)
        behind = np.add.accumulate(blocks[:, :, ::-1], axis=2, dtype=np.float64)[:, :, ::-1].reshape(padded.shape)
        found = before[:, size - 1 : size - 1 + places].copy()
        begun = np.arange(places) % size != 0  # others are whole blocks
        found[:, begun] += behind[:, :places][:, begun]
        out[...] = found
        return
    turned = values if kind == 0 else values[:, ::-1]
    sums = np.add.accumulate(turned, axis=1, dtype=np.float64)
    places_ = np.arange(places) + last if kind == 0 else length - 1 - (np.arange(places) + first)
    out[...] = np.where((places_ >= 0)[:, None], sums[:, np.clip(places_, 0, length - 1)], 0)
