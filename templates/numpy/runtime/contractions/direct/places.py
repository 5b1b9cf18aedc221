"""Places of the first factor that several rows of a tile read, each for another summand."""

from math import gcd
from typing import NamedTuple

from .loops import Loop

SLIDES = 4
"""Summands that stay in registers at most."""

MOST_PLACES = 128
"""Places of the first factor that the code of a tile names one by one."""


class Places(NamedTuple):
    """How far places lie apart, and how many summands at a time meet rows there."""

    apart: int
    summands: int


def places_of(row: Loop, last: Loop, rows: int) -> Places:
    """Those of so many rows and the innermost sum: 1 summand at a time where rows and summands have none in common."""
    summands = at_a_time(last.extent)
    apart = gcd(row.a, last.a) or 1
    if abs(row.a) * (rows - 1) + abs(last.a) * (summands - 1) >= MOST_PLACES * apart:
        return Places(abs(row.a) or 1, 1)
    return Places(apart, summands)


def at_a_time(summands: int) -> int:
    """How many of so many summands are held in registers at a time: about as many in each turn, `SLIDES` at most."""
    return -(-summands // -(-summands // SLIDES))
