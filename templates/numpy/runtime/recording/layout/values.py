"""The values that a call computes with: what lies in memory from one step that writes it anew to the next one."""

from bisect import bisect_right
from collections.abc import Sequence
from enum import Enum
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np

from ...arguments.arrays import FLOATS, Array
from ..trace import Step, Tracing, address, owner

LINE = 64
"""Bytes of a line of the cache: values begin on one where they did."""


class Kind(Enum):
    """Where a value lies: in what is given, in memory of its own, in a new array, in memory that values share."""

    GIVEN, KEPT, NEW, SHARED = range(4)


class Value(NamedTuple):
    """A value.

    Attributes:
        kind: where it lies.
        start: the address where it lay when the call was recorded.
        size: its bytes.
        whole: the number of what is given, or the array that owned its memory.
    """

    kind: Kind
    start: int
    size: int
    whole: Any


class Region(NamedTuple):
    """What a step uses of a value, in bytes behind the value's beginning.

    Attributes:
        value: its number.
        at: where the array begins that the step is given.
        start: where that begins in memory.
        end: where it ends.
        use: a letter, see `Uses`; "?" where nothing is known.
        row: the bytes that each row has of it; 0 where rows have no part of their own.
    """

    value: int
    at: int
    start: int
    end: int
    use: str
    row: int = 0

    def meets(self, other: "Region") -> bool:
        """Whether they have memory in common."""
        return self.value == other.value and self.start < other.end and other.start < self.end


class Values:
    """The values of a call.

    Args:
        given: the arrays that it was given, none of which is a part of another one.
        trace: what it did.
        results: the arrays that it returned.
        held: those of its own that stay until it is made again.

    Attributes:
        found: all of them.
        used: of each step what it uses, array by array; None where there is no array.
    """

    def __init__(self, given: Sequence[Array], trace: Tracing, results: Sequence[Array], held: Sequence[Array]) -> None:
        self.found: list[Value] = []
        self.used = [[*map(_region, repeat(step), step.arrays, _letters(step))] for step in trace.steps]
        self._made = trace.made
        self._spans = sorted((address(a), address(a) + max(1, a.nbytes), k) for k, a in enumerate(given))
        self._starts = [start for start, _, _ in self._spans]
        self._given, self._stays = given, {id(owner(a)) for a in held}
        self._last: dict[Any, int] = {}
        touched: dict[Any, list[tuple[int, int]]] = {}
        for n, step in enumerate(trace.steps):
            for k, array in enumerate(step.arrays):
                if array is not None:
                    touched.setdefault(self._memory(array), []).append((n, k))
        outside = {self._memory(a) for a in (*results, *held)}
        for memory, places in touched.items():
            n, k = places[0]
            array = trace.steps[n].arrays[k]
            assert array is not None
            self._divide(memory, self._value(array), places, memory in outside)
        for array in results:
            if self._memory(array) not in self._last:
                self._last[self._memory(array)] = len(self.found)
                self.found.append(self._value(array))

    def place(self, array: Array) -> tuple[int, int]:
        """The value that an array is in the end, or is a part of, and by how many bytes behind its beginning."""
        number = self._last[self._memory(array)]
        return number, address(array) - self.found[number].start

    def _memory(self, array: Array) -> Any:
        """What tells the memory of an array from that of others."""
        start = address(array)
        k = bisect_right(self._starts, start) - 1
        return -1 - self._spans[k][2] if k >= 0 and start < self._spans[k][1] else id(self._whole(array))

    def _whole(self, array: Array) -> Array:
        return self._made.get(id(owner(array)), owner(array))

    def _value(self, array: Array) -> Value:
        """The value that all of an array's memory is."""
        memory = self._memory(array)
        if memory < 0:
            whole: Any = self._given[-1 - memory]
            return Value(Kind.GIVEN, address(whole), whole.nbytes, -1 - memory)
        whole = self._whole(array)
        planned = id(owner(array)) in self._made and id(owner(array)) not in self._stays and whole.dtype in FLOATS
        return Value(Kind.SHARED if planned else Kind.KEPT, address(whole), whole.nbytes, whole)

    def _divide(self, memory: Any, whole: Value, places: list[tuple[int, int]], outside: bool) -> None:
        """Enter the values that a memory has had one after the other, and which of them steps use."""
        divided = whole.kind is Kind.SHARED or (whole.kind is Kind.KEPT and outside and whole.whole.dtype in FLOATS)
        kind = Kind.NEW if whole.kind is Kind.SHARED and outside else whole.kind
        by_step: dict[int, list[int]] = {}
        for n, k in places:
            by_step.setdefault(n, []).append(k)
        low, high = (whole.start, whole.start + whole.size) if outside or not divided else (0, 0)
        current: list[tuple[int, int]] = []
        self._last[memory] = len(self.found) if outside else -1
        for n, numbers in sorted(by_step.items(), reverse=True):
            regions = [r for r in (self.used[n][k] for k in numbers) if r is not None]
            current += [(n, k) for k in numbers]
            anew = divided and len(regions) == 1 and regions[0].use in "w*"
            if anew and (not high or (regions[0].start <= low and high <= regions[0].end)):
                low, high = (low, high) if outside else (regions[0].start, regions[0].end)
                self._enter(kind, whole, (low, high), current)
                current, outside, low, high, kind = [], False, 0, 0, Kind.SHARED
            else:
                starts, ends = [r.start for r in regions], [r.end for r in regions]
                low, high = (min(low, *starts), max(high, *ends)) if high else (min(starts), max(ends))
        if current or outside:
            self._enter(kind, whole, (low, high), current)

    def _enter(self, kind: Kind, whole: Value, span: tuple[int, int], places: Sequence[tuple[int, int]]) -> None:
        """Enter a value: regions of steps, which were addresses, are of it from now on."""
        low = span[0] // LINE * LINE if kind is Kind.SHARED else whole.start
        size = span[1] - low if kind is Kind.SHARED else whole.size
        for n, k in places:
            region = self.used[n][k]
            assert region is not None
            at, start, end = (place - low for place in region[1:4])
            self.used[n][k] = region._replace(value=len(self.found), at=at, start=start, end=end)
        self.found.append(Value(kind, low, size, whole.whole))


def _letters(step: Step) -> str:
    return step.uses.letters or "?" * len(step.arrays)


def _region(step: Step, array: Array | None, use: str) -> Region | None:
    """What a step uses of an array, by addresses."""
    if array is None:
        return None
    rows, begin = step.uses.rows, address(array)
    if rows and use in "warh":
        row = array.nbytes // rows
        return Region(-1, begin, begin, begin + row * rows, use, row)
    return Region(-1, begin, *np.lib.array_utils.byte_bounds(array.view(np.ndarray)), use)
