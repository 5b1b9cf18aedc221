"""The plan of a contraction in C: its schedule, and what has to be there before."""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod

from ..contraction import Contraction, is_inside
from ..views import Padding, padding_of
from .blocked import blocked_sums, in_chunks
from .definitions import definitions
from .loops import volume
from .schedule import CACHE, Machine, Roles, Schedule, oriented, roles
from .whole import copied, whole_sums

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
        memory: elements of the panels, or of the sums of chunks.
    """

    contraction: Contraction
    schedule: Schedule
    padding: Padding | None
    defined: tuple[tuple[str, int | str], ...]
    numbers: tuple[int, int, int]
    memory: int


@lru_cache(maxsize=1024)
def direct(c: Contraction, machine: Machine) -> Direct | None:
    """The plan of a contraction whose elements are one sum each; None where the nest has no place for it."""
    r = roles(c, machine)
    if r is None:
        return None
    d, padding = r.c, None
    if r.boxed and _is_long(r) and not in_chunks(r):
        side, padding = padding_of(d.left, d.box, d.dtype.itemsize)
        d = replace(d, left=side)
        r = oriented(d, r.swapped, machine)
        if r is None or not is_inside(d.left, d.box):
            return None
    s = blocked_sums(r) if _is_long(r) else whole_sums(r)
    if s is None:
        return None
    defined = definitions(s, d.left, d.right, d.dtype)
    chunks = min(MOST_CHUNKS, s.outer.extent)
    return Direct(d, s, padding, tuple(defined.items()), (s.parts[0].extent, s.outer.extent, chunks), _memory(s, chunks))


def _is_long(r: Roles) -> bool:
    """Whether what a tile reads of a factor does not stay in the cache."""
    width = r.tile(r.row, r.depth).vectors * r.lanes
    read = max(width * r.depth, copied(r) if r.boxed else 0)
    return len(r.summed) > 1 and read * r.itemsize > CACHE


def _memory(s: Schedule, chunks: int) -> int:
    width = s.tile.vectors * s.lanes
    if s.panels == 1:
        return -(-s.vector.extent // width) * width * volume(s.summed) * prod(p.extent for p in s.parts if p.b)
    return chunks * volume((*s.across, s.row, s.vector)) if s.chunked else 1
