"""Where elements lie in memory, for compiled loops."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..arguments.arrays import Array
from .contraction import Side


class TilePlaces(NamedTuple):
    """Where the elements of tiles lie in an array, for compiled loops; distances are counted in elements.

    Attributes:
        flat: the array as one axis.
        start: the position of the first element of all.
        tiles: a row per index that counts tiles: its first value, its extent, the distance from one to the next, and
            how far that is along the first and along the second axis.
        axes: a row for either axis: where its first point lies, how far it is from point to point, its extent. Beyond
            it elements are 0.
        runs: what is added for every run of elements that lie next to each other.
        steps: the distance from point to point along both axes.
        length: of a run.
    """

    flat: Array
    start: int
    tiles: Array
    axes: Array
    runs: Array
    steps: tuple[int, int]
    length: int


def tile_places(
    array: Array, side: Side, points: Sequence[str], tiles: Sequence[str], runs: Sequence[str], box: Any
) -> TilePlaces | None:
    """Where compiled loops find the tiles of a box.

    None where neighbours along the last axis are not next to each other, or where other axes are left.

    Args:
        array: read or written.
        side: its positions; along an axis of tiles they depend on its tile and point only.
        points: the indices of points, one or two; beyond the ends of their axes elements are 0.
        tiles: the indices that count tiles.
        runs: the indices within a tile besides the points.
        box: the range of every index.
    """
    sliding = [next(a for a, steps in enumerate(side.steps) if any(v == point for v, _ in steps)) for point in points]
    size = array.itemsize
    beside = [(*side.reach(axis, box), n) for axis, n in enumerate(side.sizes) if axis not in sliding]
    if any(low < 0 or high >= n for low, high, n in beside):
        return None
    moves = {v: side.stride(v) for v in (*points, *tiles, *runs)}
    used = [*moves.values(), *array.strides]
    if not runs or moves[runs[-1]] != size or min(used) < 0 or any(n % size for n in used):
        return None
    moves = {v: n // size for v, n in moves.items()}
    start = sum(offset * n for offset, n in zip(side.offsets, side.strides, strict=True)) // size
    last = next(k for k in range(len(runs), 0, -1) if k == 1 or not _are_joined(runs[k - 2], runs[k - 1], moves, box))
    start += sum(moves[v] * box[v][0] for v in runs[last - 1 :])
    alone = len(points) == 1
    along = [dict(side.steps[axis]) for axis in sliding]
    axes = [(side.offsets[a], steps[p], side.sizes[a]) for a, p, steps in zip(sliding, points, along, strict=True)]
    columns = [{}, *along] if alone else along
    rows = [(box[v][0], box[v][1] - box[v][0], moves[v], *(steps.get(v, 0) for steps in columns)) for v in tiles]
    return TilePlaces(
        memory_of(array), start, np.array(rows, np.int64).reshape(-1, 5),
        np.array([(0, 1, 1), *axes] if alone else axes),
        grid_distances(runs[: last - 1], moves, box), (0 if alone else moves[points[0]], moves[points[-1]]),
        prod(box[v][1] - box[v][0] for v in runs[last - 1 :]),
    )  # fmt: skip


def memory_of(array: Array) -> Array:
    """The memory of an array whose strides are positive, from its first to its last element."""
    if array.flags.c_contiguous:
        return array.reshape(-1)
    size = array.itemsize
    extent = 1 + sum((n - 1) * stride // size for n, stride in zip(array.shape, array.strides, strict=True))
    return np.lib.stride_tricks.as_strided(array, (extent,), (size,))


def _are_joined(first: str, second: str, moves: Mapping[str, int], box: Mapping[str, tuple[int, int]]) -> bool:
    """Whether two indices run through memory like one."""
    return moves[first] == moves[second] * (box[second][1] - box[second][0])


def grid_distances(names: Sequence[str], moves: Mapping[str, int], box: Mapping[str, tuple[int, int]]) -> Array:
    """The distances of all points of a box from where its indices are 0, in their order."""
    found = np.zeros(1, np.int64)
    for v in names:
        found = np.add.outer(found, np.arange(*box[v]) * moves[v]).ravel()
    return found
