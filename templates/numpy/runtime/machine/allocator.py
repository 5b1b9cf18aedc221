"""Memory of arrays, used again once no array lies in it.

What the system gives anew it gives page by page, each cleared first: for the results of a call that takes as long as
the call. The C library keeps what one array had, but not what several together had.
"""

import sys
from collections import deque
from itertools import islice

import numpy as np

from ..arguments.arrays import Array

LEAST, MOST = 1 << 16, 1 << 26
"""Bytes of a room from which on it is kept, and of all rooms of a thread at most."""

TRIES = 64
"""Rooms of one size that are looked at, always in the same order: what is used again at once is still in the cache."""


def _held(room: list[Array]) -> int:
    """How often the room that a list of one begins with is held, by that list, too."""
    return sys.getrefcount(room[0])


COUNTED = hasattr(sys, "getrefcount") and getattr(sys, "_is_gil_enabled", lambda: True)()
"""Whether this Python counts who holds an object, and whoever counts is alone."""

FREE = _held([np.empty(0, np.uint8)]) if COUNTED else 0
"""How often a room is held that no array lies in."""


class Allocator:
    """Rooms of one thread.

    An array in a room holds it, and so does each view of that array: a room that nothing else holds is free, whatever
    thread let go of it.

    Attributes:
        size: bytes of all rooms, free or not.
    """

    def __init__(self) -> None:
        self._rooms: dict[int, list[list[Array]]] = {}
        self._order: deque[int] = deque()
        self.size = 0

    def room(self, size: int) -> Array:
        """So many bytes, of any content."""
        if size < LEAST or size > MOST // 2 or not COUNTED:
            return np.empty(size, np.uint8)
        rooms = self._rooms.setdefault(size, [])
        for room in islice(rooms, TRIES):
            if _held(room) == FREE:
                return room[0]
        found = np.empty(size, np.uint8)
        rooms.append([found])
        self._order.append(size)
        self.size += size
        while self.size > MOST:
            self._forget(self._order.popleft())
        return found

    def _forget(self, size: int) -> None:
        """Keep one room of that size less: it belongs to those who hold it, if anybody does."""
        self._rooms[size].pop()
        if not self._rooms[size]:
            del self._rooms[size]
        self.size -= size
