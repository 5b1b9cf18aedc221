"""Memory that values of recorded calls share: where each lies while it is needed, and the memory itself."""

from collections.abc import Mapping
from threading import Lock
from typing import NamedTuple

import numpy as np

from ...arguments.arrays import Array
from ...machine.memory import empty
from .values import LINE

STRETCH = 32
"""Groups of a stretch: values are looked up by the stretches in which they are needed."""


class Need(NamedTuple):
    """The bytes of a value, and from which to which group it is needed."""

    size: int
    first: int
    last: int


def arranged(needs: Mapping[int, Need]) -> tuple[dict[int, int], int]:
    """Where each value begins in one memory, values that are needed at once apart, and the bytes of all.

    One after the other, each at the lowest place that is free for as long as it is needed: the largest ones first, or
    in the order in which they are needed.
    """
    large = _arranged(dict(sorted(needs.items(), key=lambda item: (-item[1].size, item[1].first))))
    early = _arranged(dict(sorted(needs.items(), key=lambda item: (item[1].first, -item[1].size))))
    return min((large, early), key=lambda found: found[1])


def _arranged(needs: Mapping[int, Need]) -> tuple[dict[int, int], int]:
    """The same in this order."""
    places: dict[int, int] = {}
    there: dict[int, list[int]] = {}
    for number, need in needs.items():
        stretches = range(need.first // STRETCH, need.last // STRETCH + 1)
        taken = sorted(
            (places[other], places[other] + needs[other].size)
            for other in {other for stretch in stretches for other in there.get(stretch, ())}
            if needs[other].first <= need.last and need.first <= needs[other].last
        )
        at = 0
        for start, end in taken:
            if at + need.size <= start:
                break
            at = max(at, -(-end // LINE) * LINE)
        places[number] = at
        for stretch in stretches:
            there.setdefault(stretch, []).append(number)
    return places, max((at + needs[number].size for number, at in places.items()), default=0)


class Arena:
    """One memory for the calls of a network or layer; who finds it taken has another one."""

    def __init__(self) -> None:
        self._array = np.empty(0, np.uint8)
        self._lock = Lock()

    @property
    def size(self) -> int:
        """Its bytes."""
        return self._array.nbytes

    def take(self, size: int) -> Array:
        """So many bytes, of any content; they are to be given back."""
        if not self._lock.acquire(blocking=False):
            return empty((size,), np.uint8)
        if self._array.nbytes < size:
            self._array = np.empty(0, np.uint8)  # the old one goes before the new one comes
            self._array = empty((size,), np.uint8)
        return self._array

    def give(self, array: Array) -> None:
        """Give back what was taken."""
        if array is self._array:
            self._lock.release()
