"""A contraction in numbers: extents, strides and positions, and what kind of index each is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

import numpy as np


class Side(NamedTuple):
    """An array of a contraction: per axis its extent, its stride and the position there, offset + sum(step * index)."""

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    offsets: tuple[int, ...]
    steps: tuple[tuple[tuple[str, int], ...], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The indices in the order of the axes."""
        return tuple(dict.fromkeys(v for moves in self.steps for v, _ in moves))

    def stride(self, name: str) -> int:
        """The distance in memory, in bytes, between neighbours along an index."""
        return sum(s * n for moves, n in zip(self.steps, self.strides, strict=True) for v, s in moves if v == name)

    def reach(self, axis: int, box: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
        """The least and the greatest position along an axis for the index ranges of `box`."""
        low = high = self.offsets[axis]
        for v, step in self.steps[axis]:
            first, last = step * box[v][0], step * (box[v][1] - 1)
            low, high = low + min(first, last), high + max(first, last)
        return low, high


@dataclass(frozen=True, eq=False)
class Contraction:
    """``out[...] = sum left[...] * right[...]``: what there is to compute, in numbers. Indices of extent 1 are gone.

    Attributes:
        left: the first factor.
        right: the second factor.
        out: the result.
        extents: the extent of every index.
        dtype: of all three.
        batch: the indices that all three have, as are all of these in the order of the result or of the right factor.
        rows: those of left and out.
        columns: those of right and out.
        summed: those of left and right.
        gathers: whether every element of the result is one sum; else the result is a window that sums are added to.
    """

    left: Side
    right: Side
    out: Side
    extents: Mapping[str, int]
    dtype: np.dtype[Any]
    batch: tuple[str, ...]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    summed: tuple[str, ...]
    gathers: bool

    def volume(self, *groups: Sequence[str]) -> int:
        """The number of points in the box of some indices."""
        return prod(self.extents[v] for group in groups for v in group)

    @property
    def box(self) -> dict[str, tuple[int, int]]:
        """The whole range of every index."""
        return {v: (0, n) for v, n in self.extents.items()}

    @property
    def packed(self) -> bool:
        """Whether the result lies in memory row by row."""
        steps = zip(self.out.sizes, self.out.strides, packed_strides(self.out.sizes, self.dtype.itemsize), strict=True)
        return all(size == 1 or step == packed for size, step, packed in steps)

    @property
    def products(self) -> int:
        """The number of multiplications by definition."""
        return prod(self.extents.values())

    def swapped(self) -> "Contraction":
        """The same with the factors exchanged; the order of the sums is that of the second factor."""
        summed = tuple(v for v in self.left.names if v in self.summed)
        return replace(self, left=self.right, right=self.left, rows=self.columns, columns=self.rows, summed=summed)


def classified(
    left: Side, right: Side, out: Side, extents: Mapping[str, int], dtype: Any, gathers: bool
) -> Contraction:
    """What kind of index each is."""
    a, b, c = left.names, right.names, out.names
    batch = tuple(v for v in c if v in a and v in b)
    rows = tuple(v for v in c if v in a and v not in b)
    columns = tuple(v for v in c if v in b and v not in a)
    summed = tuple(v for v in b if v in a and v not in c)
    return Contraction(left, right, out, extents, dtype, batch, rows, columns, summed, gathers)


def is_plain(side: Side, axis: int, extents: Mapping[str, int]) -> bool:
    """Whether an axis is that of one index."""
    steps = side.steps[axis]
    if not steps:
        return side.sizes[axis] == 1 and side.offsets[axis] == 0
    return len(steps) == 1 and steps[0][1] == 1 and side.offsets[axis] == 0 and side.sizes[axis] == extents[steps[0][0]]


def packed_side(names: Sequence[str], extents: Mapping[str, int], itemsize: int) -> Side:
    """A new array with an axis per index."""
    sizes = tuple(extents[v] for v in names)
    return Side(sizes, packed_strides(sizes, itemsize), (0,) * len(sizes), tuple(((v, 1),) for v in names))


def packed_strides(sizes: Sequence[int], itemsize: int) -> tuple[int, ...]:
    """The strides of an array that lies in memory row by row."""
    return tuple(itemsize * prod(sizes[k + 1 :]) for k in range(len(sizes)))


def without_ones(side: Side, extents: Mapping[str, int]) -> Side:
    """An array's positions without the indices of extent 1: these are 0."""
    return side._replace(steps=tuple(tuple((v, s) for v, s in moves if extents[v] != 1) for moves in side.steps))


def without_single(extents: Mapping[str, int]) -> dict[str, int]:
    """The extents without those of 1."""
    return {v: n for v, n in extents.items() if n != 1}


def is_inside(side: Side, box: Mapping[str, tuple[int, int]]) -> bool:
    """Whether no position of a box lies outside of an array."""
    reaches = (side.reach(axis, box) for axis in range(len(side.sizes)))
    return all(low >= 0 and high < size for (low, high), size in zip(reaches, side.sizes, strict=True))


def merged(side: Side, names: Sequence[str], extents: Mapping[str, int]) -> int | None:
    """The stride of some axes as one; None where they are not one axis in memory, 0 for no axis."""
    for outer, inner in pairwise(names):
        if side.stride(outer) != side.stride(inner) * extents[inner]:
            return None
    return side.stride(names[-1]) if names else 0


def run_bytes(side: Side, c: Contraction, names: Sequence[str]) -> int:
    """The bytes that some indices find next to each other in memory and that are copied as one."""
    run = c.dtype.itemsize
    for v in sorted((v for v in names if side.stride(v) > 0), key=side.stride):
        if side.stride(v) <= run:
            run = side.stride(v) * (c.extents[v] - 1) + run
    return run
