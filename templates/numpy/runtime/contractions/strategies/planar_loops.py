"""Compiled loops over planes."""

from functools import cache
from typing import Any

import numpy as np

from ...machine.compiled import Loops, loops, reassociated


@cache
def on_planes(function: Loops) -> Loops:
    """Loops over planes with the functions that they call in machine code."""
    return function.bound(function.function.__name__, _pack=_pack, _add_moved=_add_moved, _add_dots=_add_dots)


@loops
def _pack(planes: Any, o: int, row: int, rows: int, width: int, pitch: int, to: Any) -> None:
    """Copy rows of all planes, from `row` on, their first `width` elements, into rows of `pitch`; the rest is 0."""
    flat, outer, inner, steps, corner, sizes = planes
    low, high = max(0, -corner[1]), min(width, sizes[1] - corner[1])
    to[:] = 0
    for q in range(inner.size):
        for i in range(max(0, -(corner[0] + row)), min(rows, sizes[0] - corner[0] - row)):
            line = to[(q * rows + i) * pitch :][:pitch]
            base = outer[o] + inner[q] + (corner[0] + row + i) * steps[0] + corner[1] * steps[1]
            for j in range(low, high):
                line[j] = flat[base + j * steps[1]]


@loops
def planar_sums(start: int, stop: int, x: Any, y: Any, shape: Any, band: int, offsets: Any, kernel: Any) -> None:
    """``y = sum kernel * x`` with x moved by every tap, for a range of bands.

    Args:
        start: the first band.
        stop: the last one and one more.
        x: planes that are read.
        y: planes that are written.
        shape: of the plan.
        band: rows at a time.
        offsets: where the element of every summand is, relative to the result's.
        kernel: (columns, summands).
    """
    rows, columns, down, right = shape
    pitch, bands = columns + right, -(-rows // band)
    packed = np.empty(x[2].size * (band + down) * pitch, kernel.dtype)
    flat, outer, inner, steps, _, _ = y
    sums = np.empty((2, band * pitch), kernel.dtype)
    for number in range(start, stop):
        o, first = number // bands, number % bands * band
        height = min(band, rows - first)
        _pack(x, o, first, band + down, pitch, pitch, packed)
        length = height * pitch - right
        for k in range(0, inner.size, 2):
            pair = min(2, inner.size - k)
            _add_moved(packed, offsets, kernel[k], kernel[k + pair - 1], sums[0, :length], sums[1, :length])
            for m in range(pair):
                base = outer[o] + inner[k + m] + first * steps[0]
                for i in range(height):
                    for j in range(columns):
                        flat[base + i * steps[0] + j * steps[1]] = sums[m, i * pitch + j]


@loops
def _add_moved(packed: Any, offsets: Any, one: Any, two: Any, first: Any, second: Any) -> None:
    """Two sums of `packed` from every offset on, times the elements of a kernel each."""
    length, number = first.size, offsets.size
    first[:] = 0
    second[:] = 0
    whole = number - number % 4
    for s in range(0, whole, 4):
        x0 = packed[offsets[s] :][:length]
        x1 = packed[offsets[s + 1] :][:length]
        x2 = packed[offsets[s + 2] :][:length]
        x3 = packed[offsets[s + 3] :][:length]
        a0, a1, a2, a3 = one[s], one[s + 1], one[s + 2], one[s + 3]
        b0, b1, b2, b3 = two[s], two[s + 1], two[s + 2], two[s + 3]
        for v in range(length):
            first[v] += a0 * x0[v] + a1 * x1[v] + a2 * x2[v] + a3 * x3[v]
            second[v] += b0 * x0[v] + b1 * x1[v] + b2 * x2[v] + b3 * x3[v]
    for s in range(whole, number):
        x0 = packed[offsets[s] :][:length]
        a0, b0 = one[s], two[s]
        for v in range(length):
            first[v] += a0 * x0[v]
            second[v] += b0 * x0[v]


@reassociated
def _add_dots(packed: Any, offsets: Any, one: Any, two: Any, first: Any, second: Any) -> None:
    """Add to two rows of sums the dot products of `packed` from every offset on with one factor each."""
    length, number = one.size, offsets.size
    zero = one.dtype.type(0)
    whole = number - number % 4
    for s in range(0, whole, 4):
        x0 = packed[offsets[s] :][:length]
        x1 = packed[offsets[s + 1] :][:length]
        x2 = packed[offsets[s + 2] :][:length]
        x3 = packed[offsets[s + 3] :][:length]
        a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = zero
        for v in range(length):
            a0 += x0[v] * one[v]
            a1 += x1[v] * one[v]
            a2 += x2[v] * one[v]
            a3 += x3[v] * one[v]
            b0 += x0[v] * two[v]
            b1 += x1[v] * two[v]
            b2 += x2[v] * two[v]
            b3 += x3[v] * two[v]
        first[s] += a0
        first[s + 1] += a1
        first[s + 2] += a2
        first[s + 3] += a3
        second[s] += b0
        second[s + 1] += b1
        second[s + 2] += b2
        second[s + 3] += b3
    for s in range(whole, number):
        x0 = packed[offsets[s] :][:length]
        a0 = b0 = zero
        for v in range(length):
            a0 += x0[v] * one[v]
            b0 += x0[v] * two[v]
        first[s] += a0
        second[s] += b0


@loops
def planar_dots(start: int, stop: int, x: Any, y: Any, shape: Any, band: int, offsets: Any, sums: Any) -> None:
    """Add to sums, (columns, taps), what the bands of a range contribute: products of x, moved by every tap, with y."""
    rows, columns, down, right = shape
    pitch, bands = columns + right, -(-rows // band)
    packed = np.empty(x[2].size * (band + down) * pitch, sums.dtype)
    count = y[2].size
    others = np.empty(count * band * pitch, sums.dtype)
    for number in range(start, stop):
        o, first = number // bands, number % bands * band
        height = min(band, rows - first)
        _pack(x, o, first, band + down, pitch, pitch, packed)
        _pack(y, o, first, band, columns, pitch, others)
        for k in range(0, count, 2):
            last = min(k + 1, count - 1)
            length = height * pitch - right
            one, two = others[k * band * pitch :][:length], others[last * band * pitch :][:length]
            _add_dots(packed, offsets, one, two, sums[k], sums[k + 1])
