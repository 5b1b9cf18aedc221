"""Memory: how much there is, what is used again, and how it is given back."""

import os
from collections.abc import Mapping
from math import prod
from threading import local
from typing import Any

import numpy as np

from ..arguments.arrays import LARGEST_INDEX, Array
from ..arguments.traced import tracing
from .allocator import Allocator
from .process import process


def affordable(layer: str, dtype: Any, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise where an array of one of these shapes would be larger than this machine's memory."""
    for name, extents in shapes.items():
        size = prod(extents) * np.dtype(dtype).itemsize
        if size > MEMORY or prod(max(1, e) for e in extents) > LARGEST_INDEX // 8:
            raise ValueError(
                f"{layer}: {name} would have the shape {extents}, {size / 2**30:.3g} GiB; this machine has "
                f"{MEMORY / 2**30:.3g} GiB: expected smaller sizes"
            )


def _memory() -> int:
    """The bytes of memory that this machine says it has, else those of an address space."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 1 << 47


MEMORY = _memory()
"""Bytes of an array at most."""

LINE = 64
"""Bytes of a line of the cache, and of the longest vector."""

LARGE = 1 << 14
"""Bytes of an array from which on it begins on a border of a line: loops store two lines at once otherwise."""

_own, _rooms = local(), local()
_NONE = np.empty(0, np.uint8), np.empty(0, np.uint8)


def empty(extents: tuple[int, ...], dtype: Any) -> Array:
    """An array of any content; where it is large, it begins on a border of 64 bytes."""
    kind, trace = np.dtype(dtype), tracing()
    size = prod(extents) * kind.itemsize
    if size < LARGE:
        found = np.empty(extents, kind)
    else:
        room = _allocator().room(size + LINE)
        found = np.ndarray(extents, kind, room, -room.__array_interface__["data"][0] % LINE)
    return found if trace is None else trace.allocate(found)


def _allocator() -> Allocator:
    """That of this thread."""
    kept: dict[str, Allocator] = _rooms.__dict__
    return kept.get("allocator") or kept.setdefault("allocator", Allocator())


def zeros(extents: tuple[int, ...], dtype: Any) -> Array:
    """An array of zeros."""
    return filled(extents, 0, dtype)


def filled(extents: tuple[int, ...], value: float, dtype: Any) -> Array:
    """An array of one number everywhere."""
    found = empty(extents, dtype)
    found.fill(value)
    return found


def constant(value: Any, dtype: Any) -> Array:
    """Numbers, as an array that cannot be written to: a recorded call keeps what it holds."""
    found = np.array(value, dtype)
    found.flags.writeable = False
    return found


def scratch_memory(role: str, extents: tuple[int, ...], dtype: Any) -> Array:
    """An array of any content, in memory of this thread that is used again and again; two roles do not share it."""
    if tracing() is not None:  # a recorded call has memory of its own
        return empty(extents, dtype)
    kept: dict[str, tuple[Array, Array]] = _own.__dict__
    room, last = kept.get(role, _NONE)
    if last.shape == extents and last.dtype == dtype:
        return last
    size = prod(extents) * np.dtype(dtype).itemsize
    if room.size < size:
        room = np.empty(size, np.uint8)
    last = np.ndarray(extents, dtype, room)
    kept[role] = room, last
    return last


class Buffers:
    """Arrays that are used again: those given back, by shape and type.

    An array taken holds whatever was in it.
    """

    def __init__(self) -> None:
        self._free: dict[tuple[Any, ...], list[Array]] = {}
        self._out: dict[int, Array] = {}

    def take(self, extents: tuple[int, ...], dtype: Any) -> Array:
        """An array of that shape and type, of any content."""
        free = self._free.get((extents, np.dtype(dtype)))
        array = free.pop() if free else empty(extents, dtype)
        self._out[id(array)] = array
        return array

    def give(self, *arrays: Array) -> None:
        """Take arrays back that nobody reads any more; arrays from elsewhere are left alone."""
        for array in arrays:
            if self._out.pop(id(array), None) is not None:
                self._free.setdefault((array.shape, array.dtype), []).append(array)

    def recycle(self) -> None:
        """Take everything back."""
        self.give(*self._out.values())

    def forget(self) -> None:
        """Keep no array any more; those taken belong to who took them."""
        self._free.clear()
        self._out.clear()

    @property
    def taken(self) -> list[Array]:
        """The arrays that have not been given back."""
        return [*self._out.values()]

    @property
    def size(self) -> int:
        """The bytes of all arrays, taken and free."""
        return sum(array.nbytes for array in (*self.taken, *(a for free in self._free.values() for a in free)))


def release() -> None:
    """Give back the memory and the threads that kernels keep for their next call."""
    _own.__dict__.clear()
    _rooms.__dict__.clear()
    process.executors.clear()
    for give_back in process.releases:
        give_back()
