"""The plan of a contraction in C: its schedule, and what has to be there before."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod

from ..contraction import Contraction, is_inside
from ..views import Padding, padding_of
from .blocked import CHUNKS, blocked_sums, in_chunks
from .definitions import definitions
from .schedule import Machine, Roles, Schedule, oriented, roles
from .spread import spread_sums
from .whole import copied, whole_sums

SMALL = 4
"""The share of the cache of a block that what a tile reads may have where the sum can be divided into chunks."""

LINE, FIRST_CACHE = 64, 32 << 10
"""Bytes that are read at once, and of the cache of the first level."""

MOST_PADDED = 16 << 20
"""Bytes of a copy of the first factor at most: memory does not grow with the batch."""

MOST_CHUNKS = 16
"""Into how many chunks a sum is divided; their number does not depend on threads, so that results do not either."""


@dataclass(frozen=True, eq=False)
class Direct:
    """A contraction as the nest computes it.

    Attributes:
        contraction: the contraction, its factors as the schedule has them.
        schedule: where its indices run.
        padding: the first factor is copied so before, if at all.
        defined: the definitions.
        numbers: the extents of the first loop over parts and of the outer sum, and the number of chunks.
    """

    contraction: Contraction
    schedule: Schedule
    padding: Padding | None
    defined: Mapping[str, int | str]
    numbers: tuple[int, int, int]

    def __str__(self) -> str:
        return f"{self.schedule}{', a copy with zeros around it' if self.padding else ''}"

    @property
    def columns(self) -> int:
        """The elements of a row of the result, which its vectors run along."""
        return self.schedule.vector.extent // self.schedule.abreast

    @property
    def chunks(self) -> int:
        """How many sums each element of the result has that are added up at the end; 0 where it is one."""
        return self.numbers[2] if self.schedule.chunked else 0


@lru_cache(maxsize=1024)
def direct(c: Contraction, machine: Machine) -> Direct | None:
    """The plan of a contraction whose elements are one sum each; None where the nest has no place for it."""
    r = roles(c, machine)
    if r is None:
        return None
    wide = spread_sums(r, machine)
    if wide is not None:
        return _direct(r.c, wide, None)
    d, padding = r.c, None
    if r.boxed and _is_long(r) and not in_chunks(r):
        side, padding = padding_of(d.left, d.box, d.dtype.itemsize)
        if prod(side.sizes) * d.dtype.itemsize > MOST_PADDED:
            return None
        d = replace(d, left=side)
        r = oriented(d, r.swapped, machine)
        if r is None or not is_inside(d.left, d.box):
            return None
    s = blocked_sums(r) if _is_long(r) else whole_sums(r) if _panel(r) <= r.cache else None
    return None if s is None else _direct(d, s, padding)


def _direct(c: Contraction, s: Schedule, padding: Padding | None) -> Direct:
    numbers = s.parts[0].extent, s.outer.extent, min(MOST_CHUNKS, s.outer.extent)
    return Direct(c, s, padding, definitions(s, c), numbers)


def _is_long(r: Roles) -> bool:
    """Whether what a tile reads of a factor, and the next one reads again, does not stay in the cache."""
    if len(r.summed) < 2:
        return False
    read = max(_panel(r), copied(r) * r.itemsize if r.boxed else 0)
    apart = min(abs(loop.a) for loop in r.summed) * r.itemsize >= LINE > abs(r.row.a) * r.itemsize
    second = r.depth * r.vector.extent * r.itemsize
    if r.boxed and in_chunks(r) and CHUNKS * r.results < second > r.cache // 2:
        return True  # every chunk reads its part of the second factor, and no other one does
    # A small result has sums of its own for each chunk: batches are no part of what is compiled then.
    return read > (r.cache // SMALL if in_chunks(r) else r.cache) or (apart and r.depth * LINE > FIRST_CACHE)


def _panel(r: Roles) -> int:
    """The bytes of the second factor that a tile reads."""
    return r.tile(r.row, r.depth).vectors * r.lanes * r.depth * r.itemsize
