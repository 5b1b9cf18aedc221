"""Compiled loops over tiles, with a transform along either axis."""

from functools import cache
from typing import Any

import numpy as np

from ..machine.compiled import Loops, loops
from ..machine.process import process


@loops
def _copied(x: Any, start: int, step: int, y: Any, at: int, stride: int, length: int) -> None:
    """What stands for a transform along an axis that there is not."""
    y[at : at + length] = x[start : start + length]


_along = _across = _copied  # what they stand for, `tile_transform` says


@loops
def tile_place(tiles: Any, axes: Any, reads: int, width: int, t: int) -> Any:
    """Where tile number t starts, and from and up to which point it lies inside the array along both axes."""
    at, first, second = 0, axes[0, 0], axes[1, 0]
    for k in range(len(tiles) - 1, -1, -1):
        number = tiles[k, 0] + t % tiles[k, 1]
        t //= tiles[k, 1]
        at += number * tiles[k, 2]
        first += number * tiles[k, 3]
        second += number * tiles[k, 4]
    top, bottom = max(0, -(first // axes[0, 1])), min(reads, -((first - axes[0, 2]) // axes[0, 1]))
    left, right = max(0, -(second // axes[1, 1])), min(width, -((second - axes[1, 2]) // axes[1, 1]))
    return at, top, bottom, left, right


@loops
def to_points(places: Any, counts: Any, y: Any) -> None:
    """The transforms of tiles along both axes, 0 outside, to y with axes of points, tiles, runs and elements.

    Args:
        places: of the tiles.
        counts: how many rows the transforms along the first and along the second axis read and write, the distance from
            point to point in y, and the number of tiles.
        y: written to.
    """
    flat, start, tiles, axes, runs, steps, length = places
    reads, rows, width, points, distance, number = counts
    inner = np.zeros(reads * width * length, y.dtype)
    half = np.empty(rows * width * length, y.dtype)
    for t in range(number):
        place, top, bottom, left, right = tile_place(tiles, axes, reads, width, t)
        for g in range(runs.size):
            base = start + place + runs[g]
            if top > 0 or left > 0 or bottom < reads or right < width:
                inner[:] = 0
                for i in range(top, bottom):
                    for j in range(left, right):
                        source = flat[base + i * steps[0] + j * steps[1] :][:length]
                        inner[(i * width + j) * length :][:length] = source
                _along(inner, 0, width * length, half, 0, width * length, width * length)
            elif steps[1] == length:
                _along(flat, base, steps[0], half, 0, width * length, width * length)
            else:
                for j in range(width):
                    _along(flat, base + j * steps[1], steps[0], half, j * length, width * length, length)
            at = (t * runs.size + g) * length
            for i in range(rows):
                _across(half, i * width * length, length, y, i * points * distance + at, distance, length)


@loops
def from_points(places: Any, counts: Any, x: Any) -> None:
    """The transforms of tiles along both axes from x, which is like y of `to_points`, to where the tiles are."""
    flat, start, tiles, axes, runs, steps, length = places
    _, rows, points, width, distance, number = counts
    half = np.empty(rows * points * length, x.dtype)
    part = np.empty(width * length, x.dtype)
    for t in range(number):
        place, _, bottom, _, right = tile_place(tiles, axes, rows, width, t)
        for g in range(runs.size):
            at, base = (t * runs.size + g) * length, start + place + runs[g]
            for j in range(points):
                _along(x, j * distance + at, points * distance, half, j * length, points * length, length)
            for i in range(bottom):
                if right == width:
                    _across(half, i * points * length, length, flat, base + i * steps[0], steps[1], length)
                else:
                    _across(half, i * points * length, length, part, 0, length, length)
                    for j in range(right):
                        flat[base + i * steps[0] + j * steps[1] :][:length] = part[j * length :][:length]


@cache
def tile_transform(function: Loops, kind: str, *axes: tuple[int, int]) -> Loops:
    """The loops over tiles with a transform F(m, r) along every axis, one or two."""
    with process.loading:
        from ..cook_toom.transforms import TRANSFORMS  # as long as all else here; numba takes longer

    rows = [TRANSFORMS[kind, m, r] for m, r in axes]
    along, across = (_copied, *rows)[-2:]
    name = "_".join([function.function.__name__, kind, *(str(n) for axis in axes for n in axis)])
    return function.bound(name, _along=along, _across=across, tile_place=tile_place)
