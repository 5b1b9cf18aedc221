"""Windows filled: the adjoints of reductions."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..arguments.arrays import Array
from ..arithmetic.ranges import BLOCK, clip
from ..contractions.subscripts import Seen, windowed
from ..machine.compiled import STEP
from ..machine.memory import scratch_memory
from ..machine.threads import in_threads
from .along import (
    TILE,
    Along,
    Fold,
    Order,
    Stage,
    Tap,
    Tile,
    along_axis,
    are_scattered,
    boxes_of,
    copy_runs,
    order_of,
    windows_along,
)
from .reductions import folded
from .small import Spread, few_spread

MANY_PLACES = 64
"""Elements of windows from which on a gradient is added where its maximum was, not selected element by element."""


def _by_residue(along: Along, axis: int) -> Iterator[tuple[tuple[slice, ...], tuple[Tap, ...]]]:
    """The elements of an axis by their residues modulo the step, each with the taps that they are.

    Windows and elements change roles: an element is in window v as tap t where it lies at ``offsets[t] + step * v``.
    """
    by_residue: dict[int, list[int]] = {}
    for k, offset in enumerate(along.offsets):
        by_residue.setdefault(offset % along.step, []).append(k)
    count_ = min(along.step, along.size)
    few = 2 * len(by_residue) < count_
    if few:  # the others at once
        yield along_axis(axis, slice(None)), ()
    for residue in sorted(by_residue) if few else range(count_):
        if residue >= along.size:
            continue
        at = slice(residue, None, along.step)
        length = len(range(*at.indices(along.size)))
        numbers = by_residue.get(residue, [])
        shifts = tuple((residue - along.offsets[k]) // along.step for k in numbers)
        places = tuple(along.places[k] for k in numbers)
        yield along_axis(axis, at), Along(along.windows, length, 1, shifts, places).taps(axis)


def _seen_from(along: Along, low: int, high: int) -> tuple[slice, Along | None]:
    """The windows that see the elements low..high, and they over these elements alone; None where they are the same."""
    shifted = along._replace(size=high - low, offsets=tuple(o - low for o in along.offsets))
    reached = [clip(along.windows, (along.step, o, high - low)) for o in shifted.offsets]
    reached = [(first, last) for first, last in reached if first < last]
    start, stop = min((r[0] for r in reached), default=0), max((r[1] for r in reached), default=0)
    seen = shifted._replace(windows=stop - start, offsets=tuple(o + along.step * start for o in shifted.offsets))
    return slice(start, stop), None if seen[1:] == (high - low, 1, (0,), (0,)) else seen


class Spreading(NamedTuple):
    """How windows of arrays of some shape are filled.

    Attributes:
        tiles: of the array.
        order: of its axes.
        one_by_one: whether instead values are added to their elements one by one.
        few: where the windows lie, if they are few.
    """

    tiles: tuple[Tile, ...]
    order: Order
    one_by_one: bool
    few: Spread | None


@lru_cache(maxsize=256)
def _bound(
    shape_: tuple[int, ...], extents: tuple[int, ...], positions: tuple[tuple[Any, ...], ...], kept: int,
    itemsize: int, at_once: bool,
) -> Spreading:  # fmt: skip
    axes = windows_along(shape_, extents, positions, kept)
    one_by_one = at_once and prod(len(a.offsets) for a in axes) > MANY_PLACES
    tiles = () if one_by_one else _spreading(axes, TILE // itemsize, at_once)
    return Spreading(tiles, order_of(positions, kept), one_by_one, few_spread(axes, extents, positions, kept))


def _spreading(axes: tuple[Along, ...], most: int, at_once: bool) -> tuple[Tile, ...]:
    """The tiles of the adjoint of a reduction: axis after axis, the last one first, or all axes at once."""
    tiles = []
    for box in boxes_of([a.size for a in axes], most):
        parts = [_seen_from(a, low, high) for a, (low, high) in zip(axes, box, strict=True)]
        extents = [part.stop - part.start for part, _ in parts]
        stages = []
        for axis, (_, part) in reversed(list(enumerate(parts))):
            if part is not None:
                extents[axis] = part.size
                scattered = are_scattered(extents, axis, part.step)
                stages.append(Stage(tuple(extents), (), tuple(_by_residue(part, axis)), scattered))
        if at_once:
            scattered = any(stage.scattered for stage in stages)
            stages = [Stage(tuple(extents), (), _joined(stages, len(axes)), scattered)]
        tiles.append(Tile(tuple(slice(*r) for r in box), tuple(part for part, _ in parts), tuple(stages)))
    return tuple(tiles)


def _joined(stages: Sequence[Stage], axes: int) -> tuple[tuple[tuple[slice, ...], tuple[Tap, ...]], ...]:
    """The groups and taps of several axes as those of all of them."""

    def box(parts: Sequence[tuple[slice, ...]]) -> tuple[slice, ...]:
        found = [slice(None)] * axes
        for part in parts:
            found[len(part) - 1] = part[-1]
        return tuple(found)

    groups = []
    for joint in product(*(stage.groups for stage in stages)):
        taps = (
            Tap(box([t.to for t in several]), 0, box([t.of for t in several]), sum(t.place for t in several))
            for several in product(*(taps for _, taps in joint))
        )
        groups.append((box([at for at, _ in joint]), tuple(taps)))
    return tuple(groups)


def spread(
    spec: str,
    values: Array,
    out: Array,
    taps: Mapping[str, int],
    scale: Any = None,
    argument: Array | None = None,
    add: bool = False,
) -> None:
    """Add the value of every window to the elements in it: the adjoint of `reduce`.

    Args:
        spec: the subscripts by name, as in "n i j c -> n 2i+r 2j+t c".
        values: an element per window.
        out: the array written.
        taps: the indices within a window and how many values each has, in row-major order.
        scale: what the values are multiplied by, broadcast.
        argument: per window the row-major position of the one element that its value is added to; -1 for none.
        add: whether the array is added to; otherwise its elements in no window become 0.
    """
    extents, positions = windowed(spec, 1, values.shape, tuple(taps.items()))
    tiles, order, one_by_one, few = _bound(
        out.shape, extents, positions, values.ndim, out.itemsize, argument is not None
    )
    if few is not None:
        if not add:
            out.fill(0)
        few.add(values if scale is None else values * np.asarray(scale, values.dtype), out, argument)
        return
    if one_by_one and argument is not None:
        if not add:
            out[...] = 0
        _placed(values, out, (extents, positions), scale, argument)
        return
    given, factor = order.of(values), order.factor(scale, values)
    places = None if argument is None else order.of(argument)

    def work(start: int, stop: int) -> None:
        for tile in tiles[start:stop]:
            target, part = out[tile.result], given[tile.source]
            if factor is not None:
                scaled = scratch_memory("scaled", part.shape, target.dtype)
                part = np.multiply(part, factor[tile.source], out=scaled)
            sums = scratch_memory("sums", target.shape, target.dtype) if add else target
            if places is None:
                folded(Fold(np.add, 0.0), tile, part, sums)
            else:
                _chosen(tile, part.astype(target.dtype, copy=False), places[tile.source], sums)
            if add:
                target += sums

    in_threads(work, len(tiles), 1, out.size * STEP)


def _placed(values: Array, out: Array, windows: Seen, scale: Any, argument: Array) -> None:
    """Add each value to the element at its place, one by one: windows are too large to go through their elements."""
    extents, positions = windows
    kept = values.ndim
    for box in boxes_of(values.shape, BLOCK):
        at = tuple(slice(*r) for r in box)
        grid = np.ogrid[at]
        place = argument[at].astype(np.int64)
        inside = place >= 0
        where = []
        for size, (offset, *moves) in zip(out.shape, positions, strict=True):
            position: Any = offset
            for v, step in moves:
                tap = grid[v] if v < kept else place // prod(extents[v + 1 :]) % extents[v]
                position = position + step * tap
            inside &= (position >= 0) & (position < size)
            where.append(position)
        given = values[at] if scale is None else values[at] * np.broadcast_to(scale, values.shape)[at]
        found = tuple(np.broadcast_to(position, place.shape)[inside] for position in where)
        np.add.at(out, found, given[inside])


def _chosen(tile: Tile, values: Array, places: Array, out: Array) -> None:
    """Add each value to the element at its place; the bits of the others are masked: 0 times infinity were NaN."""
    bits = np.dtype(f"i{out.dtype.itemsize}")
    (stage,) = tile.stages
    places = _narrowed(places, 1 + max((tap.place for _, taps in stage.groups for tap in taps), default=0))
    rooms = scratch_memory("same", (values.size,), np.int8), scratch_memory("mask", (values.size,), bits)
    given = values.view(bits)
    for at, taps in stage.groups:
        place = out[at]
        target = scratch_memory("room", place.shape, place.dtype) if stage.scattered else place
        if not taps or target[taps[0].to].size < target.size:
            target.fill(0)
        for number, tap in enumerate(taps):
            value, part = given[tap.of], target[tap.to]
            same, mask = (room[: part.size].reshape(part.shape) for room in rooms)
            np.equal(places[tap.of], tap.place, out=same.view(np.bool_))
            np.negative(same, out=same)
            np.copyto(mask, same)  # all bits where it is the place
            if number == 0:
                np.bitwise_and(value, mask, out=part.view(bits))
            else:
                mask &= value
                part += mask.view(out.dtype)
        if stage.scattered:
            copy_runs(place, target)


def _narrowed(places: Array, none: int) -> Array:
    """Positions below `none` in few bits, and numbers from `none` on for all others."""
    kind = np.min_scalar_type(none)
    if places.dtype.itemsize <= kind.itemsize:
        return places
    signed = places.view(f"i{places.dtype.itemsize}")
    wide = scratch_memory("wide", places.shape, signed.dtype)
    narrow = scratch_memory("narrow", places.shape, kind)
    np.copyto(narrow, np.clip(signed, -1, none, out=wide), casting="unsafe")  # -1 has all bits
    return narrow
