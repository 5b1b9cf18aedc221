"""Ranges and slices of indices."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise, product
from math import prod
from typing import Any

import numpy as np

from ..arguments.arrays import Array
from ..machine.memory import empty, zeros
from ..machine.threads import available

BLOCK = 1 << 18
"""Elements of a temporary block: 1 MiB of float32, so that it stays in the second-level cache."""

OPERAND = 1 << 19
"""Elements of a factor of a matrix product that is computed before: the other one is read once for each such block."""


def clip(length: int, *brackets: tuple[int, int, int]) -> tuple[int, int]:
    """The largest range low..high within 0..length where ``0 <= a*v + b < e`` for every bracket (a, b, e)."""
    low, high = 0, length
    for a, b, e in brackets:
        if a > 0:
            low, high = max(low, -(b // a)), min(high, (e - 1 - b) // a + 1)
        elif a == 0:
            high = high if 0 <= b < e else 0
        else:
            low, high = max(low, -((e - 1 - b) // -a)), min(high, b // -a + 1)
    return low, high


def span(a: int, b: int, low: int, high: int) -> slice:
    """The slice of positions ``a*v + b`` for v in low..high."""
    if low >= high:
        return slice(0, 0)
    stop = a * (high - 1) + b + (1 if a > 0 else -1)
    return slice(a * low + b, stop if stop >= 0 else None, a)


def plane(array: Array, axis: int, position: int) -> Array:
    """The elements of an array at a position of an axis, a view; zeros where that is outside."""
    if 0 <= position < array.shape[axis]:
        at: Any = (*[slice(None)] * axis, position, ...)
        found: Array = array[at]
        return found
    return zeros((*array.shape[:axis], *array.shape[axis + 1 :]), array.dtype)


def stretches(length: int, every: int, step: int) -> Iterator[tuple[int, int]]:
    """First and behind the last position of so many at a time: from the first (step 1), or from the last (-1)."""
    for start in range(0, length, every)[::step]:
        yield start, min(start + every, length)


def stretch(array: Array, axis: int, start: int, stop: int, far: int) -> Array:
    """The elements of an array at positions start to stop of an axis, all so `far` on; zeros outside."""
    low, high = max(start + far, 0), min(stop + far, array.shape[axis])
    found = zeros((*array.shape[:axis], stop - start, *array.shape[axis + 1 :]), array.dtype)
    if low < high:
        before: list[Any] = [slice(None)] * axis
        found[(*before, slice(low - start - far, high - start - far))] = array[(*before, slice(low, high))]
    return found


def carried(state: Array, part: Array, axis: int, step: int) -> Array:
    """The states that a stretch leaves to the next: its last positions (step 1) or first (-1), older ones before."""
    count, length = state.shape[axis], part.shape[axis]
    new = min(count, length)
    found = empty(state.shape, state.dtype)
    before: list[Any] = [slice(None)] * axis
    first, last = slice(0, new), slice(length - new, None)
    if step > 0:
        found[(*before, slice(count - new, None))] = part[(*before, last)]
        found[(*before, slice(0, count - new))] = state[(*before, slice(new, None))]
    else:
        found[(*before, first)] = part[(*before, first)]
        found[(*before, slice(new, None))] = state[(*before, slice(0, count - new))]
    return found


@lru_cache(maxsize=256)
def counts(length: int, values: int, *brackets: tuple[int, int, int, int]) -> Array:
    """For every i below `length` how many v below `values` meet ``0 <= s*i + a*v + b < e`` for all (s, a, b, e).

    Read-only: the next call with the same numbers gets the same array.
    """
    largest = max(values, *(abs(n) * (1 + length * (k == 0)) for bracket in brackets for k, n in enumerate(bracket)))
    at = np.arange(length).astype(object if largest >> 60 else np.int64)
    low, high = np.zeros_like(at), np.full_like(at, values)
    for s, a, b, e in brackets:
        low = np.maximum(low, -((s * at + b) // a))
        high = np.minimum(high, (e - 1 - b - s * at) // a + 1)
    found = np.asarray(np.maximum(high - low, 0))
    found.flags.writeable = False
    return found


def blocks(length: int, elements: int, most: int | None = None) -> Iterator[tuple[int, int]]:
    """Ranges that cover 0..length so that each has about BLOCK elements, or `most`; `elements` per unit."""
    step = max(1, (BLOCK if most is None else most) // max(1, elements))
    for start in range(0, length, step):
        yield start, min(start + step, length)


def reaching(step: int, low: int, high: int, size: int) -> tuple[int, int]:
    """The range of v for which some of ``step * v + low .. step * v + high`` lie within 0..size."""
    first, last = (-high, size - 1 - low) if step > 0 else (low - size + 1, high)
    return -(-first // abs(step)), last // abs(step) + 1


def box_blocks(names: Sequence[str], extents: Mapping[str, int], most: int) -> tuple[Any, ...]:
    """Ranges of some axes that cover their box, in blocks of about `most` points, of nearly equal size.

    Where there are several, all threads get as many.
    """
    inner, share = prod(extents[v] for v in names), available()
    parts: list[list[tuple[str, tuple[int, int]]]] = []
    for v in names:
        inner //= extents[v]
        number = -(-extents[v] // max(1, min(extents[v], most // max(1, inner))))
        if number > 1:
            number = min(-(-number // share) * share, extents[v])
        edges = [extents[v] * k // number for k in range(number + 1)]
        parts.append([(v, edge) for edge in pairwise(edges)])
        if number < extents[v] or inner <= most:
            break
    return tuple(product(*parts))
