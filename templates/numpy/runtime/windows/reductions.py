"""Windows reduced."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..arguments.arrays import Array
from ..contractions.subscripts import windowed
from ..machine.compiled import MOST_COUNTED, STEP
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
    boxes_of,
    copy_runs,
    gathered,
    order_of,
    windows_along,
)
from .small import Seen, few_seen


class Reduction(NamedTuple):
    """How windows of arrays of some shape are reduced.

    Attributes:
        tiles: of the result.
        order: of its axes.
        unreached: where the windows without an element are, if positions are asked for.
        few: how they are seen at once, if they are few.
    """

    tiles: tuple[Tile, ...]
    order: Order
    unreached: tuple[tuple[Any, ...], ...]
    few: Seen | None


@lru_cache(maxsize=256)
def _bound(
    shape_: tuple[int, ...], strides: tuple[int, ...], extents: tuple[int, ...], positions: tuple[tuple[Any, ...], ...],
    kept: int, itemsize: int, located: bool,
) -> Reduction:  # fmt: skip
    elements = prod(extents[kept:])
    if located and elements > MOST_COUNTED:
        expected = f"positions in it are counted up to {MOST_COUNTED}"
        raise ValueError(f"a window of {elements} elements is too large: {expected}")
    axes = windows_along(shape_, extents, positions, kept)
    unreached = _unreached(axes) if located else ()
    few = few_seen(shape_, strides, extents, positions, kept, itemsize)
    return Reduction(_reduction(axes, TILE // itemsize), order_of(positions, kept), unreached, few)


def _reduction(axes: tuple[Along, ...], most: int) -> tuple[Tile, ...]:
    """The tiles of a reduction, about `most` elements each.

    The first axis is reduced first: slices along it are the longest runs in memory.
    """
    counts = tuple(a.windows for a in axes)
    seen = max(1, prod(a.size for a in axes) // max(1, prod(counts)))
    tiles = []
    made: dict[Any, Stage] = {}  # most tiles see the same
    for box in boxes_of(counts, most // seen):
        parts = [a.part(low, high) for a, (low, high) in zip(axes, box, strict=True)]
        extents = [high - low if part is None else part.size for (low, high), (_, part) in zip(box, parts, strict=True)]
        stages = []
        for axis, (_, part) in enumerate(parts):
            if part is not None:
                residues = part.residues(extents, axis)
                arrays = tuple(along_axis(axis, slice(residue, None, part.step)) for residue in residues)
                extents[axis] = part.windows
                key = axis, part, tuple(extents)
                if key not in made:
                    made[key] = Stage(tuple(extents), arrays, (((), part.taps(axis, residues)),))
                stages.append(made[key])
        tiles.append(Tile(tuple(slice(*r) for r in box), tuple(part for part, _ in parts), tuple(stages)))
    return tuple(tiles)


def _unreached(axes: tuple[Along, ...]) -> tuple[tuple[Any, ...], ...]:
    """Where the windows without an element are."""
    found = ((axis, along.unreached) for axis, along in enumerate(axes))
    return tuple((*(slice(None),) * axis, windows) for axis, windows in found if windows.size)


def reduce(
    combine: np.ufunc,
    empty: float,
    spec: str,
    source: Array,
    out: Array,
    taps: Mapping[str, int],
    scale: Any = None,
    argument: Array | None = None,
) -> None:
    """Every window combined into one value, one axis after the other; what is outside of the source is left out.

    Args:
        combine: of two values: `np.add`, `np.maximum`, `np.minimum`, ...
        empty: the value of no element.
        spec: the subscripts by name, as in "n 2i+r 2j+t c -> n i j c".
        source: what the windows are of.
        out: the results, an axis per index.
        taps: the indices within a window and how many values each has, in row-major order.
        scale: what they are multiplied by, broadcast.
        argument: per result the row-major position in its window of the first element that equals it; -1 for none;
            of maxima and minima.

    Raises:
        ValueError: when windows have more elements than positions can count.
    """
    seen, positions = windowed(spec, 0, out.shape, tuple(taps.items()))
    tiles, order, unreached, few = _bound(
        source.shape, source.strides, seen, positions, out.ndim, out.itemsize, argument is not None
    )
    if few is not None and few.reduce(combine, empty, source, out, argument):
        if scale is not None:
            np.multiply(out, np.asarray(scale, out.dtype), out=out)
        return
    results, factor = order.of(out), order.factor(scale, out)
    found = None if argument is None else order.of(argument)
    kind = np.min_scalar_type(prod(seen[out.ndim :]))  # its greatest number says: none
    fold = Fold(combine, empty)

    def work(start: int, stop: int) -> None:
        for tile in tiles[start:stop]:
            target, part = results[tile.result], source[tile.source]
            if found is None:
                folded(fold, tile, part, target)
            else:
                _found(fold, tile, part, target, found[tile.result], kind)
            if factor is not None:
                np.multiply(target, factor[tile.result], out=target)

    in_threads(work, len(tiles), 1, source.size * STEP)
    if found is not None:
        for at in unreached:
            found[at] = -1


def folded(fold: Fold, tile: Tile, source: Array, out: Array, places: Array | None = None) -> None:
    """Reduce a tile, axis after axis, and find the first elements that equal the results if `places` are wanted."""
    if not tile.stages:
        np.copyto(out, source)
        if places is not None:
            places.fill(0)
    seen: Array | None = None
    for number, stage in enumerate(tile.stages, 1):
        best, at = out, places
        if number < len(tile.stages):
            best = scratch_memory(f"folded{number}", stage.extents, out.dtype)
            at = None if places is None else scratch_memory(f"seen{number}", stage.extents, places.dtype)
        arrays = gathered("elements", source, stage)
        for part, taps in stage.groups:
            target = room = best[part]
            if stage.scattered and len(taps) > 1:
                room = scratch_memory("room", target.shape, target.dtype)
            _fold(fold, taps, arrays, room)
            if room is not target:
                copy_runs(target, room)
        if at is not None:
            earlier = None if seen is None else gathered("before", seen, stage)
            ((_, taps),) = stage.groups
            _locate(taps, arrays, best, earlier, at)
        source, seen = best, at


def _fold(fold: Fold, taps: Sequence[Tap], arrays: Sequence[Array], out: Array) -> None:
    """Reduce along one axis; results that no tap reaches are those of no element."""
    function, empty = fold
    if not taps or out[taps[0].to].size < out.size:
        out.fill(empty if out.dtype.kind == "f" else 0)
    if not taps:
        return
    first, *rest = taps
    if rest and rest[0].to == first.to:
        second = rest.pop(0)
        function(arrays[first.array][first.of], arrays[second.array][second.of], out=out[first.to])
    else:
        copy_runs(out[first.to], arrays[first.array][first.of])
    for tap in rest:
        function(out[tap.to], arrays[tap.array][tap.of], out=out[tap.to])


def _locate(
    taps: Sequence[Tap], arrays: Sequence[Array], best: Array, seen: Sequence[Array] | None, places: Array
) -> None:
    """The smallest positions of elements that equal `best`; `seen` are those of the elements within earlier axes."""
    if seen is None:
        _locate_first(taps, arrays, best, places)
        return
    kind = places.dtype
    if not taps or places[taps[0].to].size < places.size:
        places.fill(np.iinfo(kind).max)
    for number, tap in enumerate(taps):
        part, before = places[tap.to], seen[tap.array][tap.of]
        same, here, earlier = (
            scratch_memory(role, part.shape, of) for role, of in (("same", np.uint8), ("here", kind), ("earlier", kind))
        )
        np.equal(arrays[tap.array][tap.of], best[tap.to], out=same.view(np.bool_))
        here = here if number else part
        np.subtract(same, 1, out=here, dtype=kind)  # all bits where they differ, else 0
        here |= np.add(before, tap.place, out=earlier) if tap.place else before
        if number:
            np.minimum(part, here, out=part)


def _locate_first(taps: Sequence[Tap], arrays: Sequence[Array], best: Array, places: Array) -> None:
    """The same along the first axis: some element of a window equals its best one, the last if no other does."""
    ordered = sorted(taps, key=lambda tap: -tap.place)
    places.fill(ordered[0].place if ordered else 0)
    for tap in ordered[1:]:
        part = places[tap.to]
        differs = scratch_memory("same", part.shape, np.uint8)
        np.not_equal(arrays[tap.array][tap.of], best[tap.to], out=differs.view(np.bool_))
        if tap.place:
            part -= tap.place
        part *= differs
        if tap.place:
            part += tap.place


def _found(fold: Fold, tile: Tile, source: Array, out: Array, argument: Array, kind: Any) -> None:
    """Reduce a tile and find the first elements that equal the results; NaN equals NaN here."""
    places = scratch_memory("places", out.shape, kind)
    folded(fold, tile, source, out, places)
    np.copyto(argument, places, casting="unsafe")
    if out.size and np.isnan(out.max()):
        has = np.empty(out.shape, np.bool_)
        folded(Fold(np.maximum, -np.inf), tile, np.isnan(source), has, places)
        np.copyto(argument, places, casting="unsafe", where=has)
