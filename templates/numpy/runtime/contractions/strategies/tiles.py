"""The tiles of a contraction, read and written."""

from copy import copy
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

import numpy as np

from ...arguments.arrays import Array
from ...cook_toom.tables import COOK_TOOM
from ...machine.memory import scratch_memory
from ..contraction import Side
from ..views import view_of
from .tiling import Winograd

ROW_GAP = 320
"""Bytes between rows that are written side by side."""


@lru_cache(maxsize=256)
def _transform(kind: str, keys: tuple[tuple[int, int, bool], ...], dtype: np.dtype[Any]) -> Array:
    """The matrix of a transform along all axes at once; that of a kernel whose taps run backwards has them so."""
    whole = np.ones((1, 1))
    for m, r, flipped in keys:
        matrix = getattr(COOK_TOOM[m, r], kind)
        whole = np.kron(whole, matrix[:, ::-1] if flipped and kind == "kernel" else matrix)
    return np.ascontiguousarray(whole, dtype)


class Tiles:
    """The three arrays of a contraction as they are read and written tile by tile.

    What is transformed lies in memory as points, tiles, batch, and inner indices or columns.
    """

    left: Array
    right: Array
    out: Array

    def __init__(self, plan: Winograd) -> None:
        self.plan, self.slides, self.d = plan, plan.slides, plan.slides.contraction
        axes = zip(plan.results, self.slides.axes, strict=True)
        self.keys = keys = tuple((m, self.d.extents[a.tap], a.flipped) for m, a in axes)
        self.points = tuple(m + r - 1 for m, r, _ in keys)
        self.data, self.kernel, self.output = (
            _transform(kind, keys, self.d.dtype) for kind in ("data", "kernel", "output")
        )
        self.sums = self.output.T.copy(), self.kernel.T.copy()
        self.batch, self.inner = self.d.volume(self.d.batch), self.d.volume(self.slides.inner)

    def of(self, left: Array, right: Array, out: Array) -> "Tiles":
        """Those of these arrays."""
        found = copy(self)
        found.left, found.right, found.out = (right, left, out) if self.slides.swapped else (left, right, out)
        return found

    def side(self, side: Side, residue: tuple[int, ...], window: bool) -> Side:
        """An array's positions by tiles and points; of the windows themselves if `window`."""
        offsets, steps = list(side.offsets), list(side.steps)
        for a, m, rest, tile, point in zip(
            self.slides.axes, self.plan.results, residue, self.plan.tiles, self.plan.points, strict=True
        ):
            for axis, moves in enumerate(side.steps):
                step = next((s for v, s in moves if v == a.position), 0)
                if step:
                    offsets[axis] = (a.offset if window else offsets[axis]) + step * rest
                    kept = () if window else tuple((v, s) for v, s in steps[axis] if v != a.position)
                    steps[axis] = (*kept, (tile, step * m * a.dilation), (point, step * a.dilation))
        return side._replace(offsets=tuple(offsets), steps=tuple(steps))

    def count(self, chunk: Any) -> int:
        """How many tiles a chunk has."""
        return prod(high - low for _, (low, high) in chunk[1])

    def windows(self, chunk: Any, out: Array) -> None:
        """The transform of the windows of a chunk, written to [points, tiles * batch * inner]."""
        self._to_points(chunk, (), True, out)

    def others(self, chunk: Any, columns: Any, out: Array) -> None:
        """The adjoint of the transform of results for the other factor, [points, tiles * batch * columns]."""
        self._to_points(chunk, columns, False, out)

    def _to_points(self, chunk: Any, columns: Any, window: bool, out: Array) -> None:
        residue, ranges = chunk
        d, plan = self.d, self.plan
        tiles = *self.slides.outer, *plan.tiles
        runs = *d.batch, *(self.slides.inner if window else d.columns)
        sizes = self.points if window else plan.results
        array = self.left if window else self.right
        box = d.box | dict(ranges) | dict(columns) | {v: (0, n) for v, n in zip(plan.points, sizes, strict=True)}
        side = self.side(d.left if window else d.right, residue, window)
        view = view_of(array, side, (*plan.points, *tiles, *runs), box, "padded")
        buffer = scratch_memory("points", view.shape, d.dtype)
        np.copyto(buffer, view)
        matrix = buffer.reshape(prod(view.shape[: len(plan.points)]), -1)
        np.matmul(self.data if window else self.sums[0], matrix, out=out)

    def kernels(self, columns: Any) -> Array:
        """The transform of the kernel, [points, batch, inner, columns]."""
        d, inner, others = self.d, self.slides.inner, self.d.columns
        few = len(self.plan.columns) > 1  # tiles: to copy the kernel's transpose would cost more than to multiply by it
        turned = few and bool(inner) and d.right.stride(inner[-1]) < d.right.stride(others[-1])
        names = (*d.batch, *others, *inner) if turned else (*d.batch, *inner, *others)
        box = d.box | dict(columns)
        view = view_of(self.right, d.right, (*self.slides.taps, *names), box)
        found = at_distance("kernel", len(self.kernel), view.size // self.kernel.shape[1], d.dtype)
        np.matmul(self.kernel, np.ascontiguousarray(view).reshape(self.kernel.shape[1], -1), out=found)
        shaped = found.reshape(len(found), self.batch, *((-1, self.inner) if turned else (self.inner, -1)))
        return shaped.swapaxes(2, 3) if turned else shaped

    def write_sums(self, columns: Any, found: Array, add: bool) -> None:
        """The gradient of the kernel, or what it grows by, from sums at the points, [points, batch, inner, columns]."""
        d = self.d
        box = d.box | dict(columns)
        names = (*d.batch, *self.slides.inner, *d.columns)
        view = view_of(self.out, d.out, (*self.slides.taps, *names), box)
        values = np.matmul(self.sums[1], found.reshape(len(found), -1)).reshape(view.shape)
        if add:
            view += values
        else:
            view[...] = values

    def scatter(self, chunk: Any, columns: Any, found: Array) -> None:
        """Write the results of a chunk, given at its points as [points, tiles * batch * columns]."""
        residue, ranges = chunk
        d, plan = self.d, self.plan
        tiles, runs = (*self.slides.outer, *plan.tiles), (*d.batch, *d.columns)
        box = d.box | dict(ranges) | dict(columns)
        side = self.side(d.out, residue, False)
        buffer = scratch_memory("points", (len(self.output), found.shape[1]), d.dtype)
        np.matmul(self.output, found, out=buffer)
        names = *tiles, *runs
        values = buffer.reshape(*plan.results, *(box[v][1] - box[v][0] for v in names))
        for part in product(*(self.clipped(k, rest, box[plan.tiles[k]]) for k, rest in enumerate(residue))):
            at = dict(part_ for pair in part for part_ in pair)
            view = view_of(self.out, side, (*plan.points, *names), box | at)
            origin = dict.fromkeys(plan.points, 0) | {v: box[v][0] for v in plan.tiles}
            taken = (
                slice(at[v][0] - origin[v], at[v][1] - origin[v]) if v in at else slice(None)
                for v in (*plan.points, *names)
            )
            view[...] = values[tuple(taken)]

    def clipped(self, k: int, rest: int, tiles: tuple[int, int]) -> list[Any]:
        """The ranges of tiles and points along an axis that lie inside: whole tiles, and the part of the last one."""
        a, m = self.slides.axes[k], self.plan.results[k]
        number = -(-(self.d.extents[a.position] - rest) // a.dilation)
        whole = min(tiles[1], number // m)
        found = []
        if whole > tiles[0]:
            found.append(((self.plan.tiles[k], (tiles[0], whole)), (self.plan.points[k], (0, m))))
        if whole < tiles[1]:
            found.append(((self.plan.tiles[k], (whole, whole + 1)), (self.plan.points[k], (0, number % m))))
        return found


def at_distance(role: str, rows: int, length: int, dtype: Any) -> Array:
    """Memory of this thread, (rows, length); the distance of rows does not put them all into the same cache sets."""
    distance = length + ROW_GAP // np.dtype(dtype).itemsize
    return scratch_memory(role, (rows, distance), dtype)[:, :length]
