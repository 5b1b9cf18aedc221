"""Loops over single elements in C, as the texts of companions: compiled when they are first called, and called."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import gcd
from operator import is_not
from typing import Any

import numpy as np

from ..arguments.arrays import Array
from ..arguments.traced import Uses
from .ahead import Unfinished, dry_run
from .configuration import current, has_c
from .memory import constant, empty, zeros
from .process import process, this_thread
from .threads import team_size

FEWEST_STEPS = 1 << 15
"""Steps of loops from which on they are compiled without being asked for."""

MOST_COUNTED = (1 << 31) - 1
"""The greatest option that compiled loops count with; also the greatest number of a position."""

STEP = 3e-10
"""Seconds of a step of loops."""

TYPES = {"f": "float", "d": "double", "i": "int32_t", "l": "int64_t", "q": "int64_t"}
"""The types of C by the characters that NumPy has for them."""

MOST_KNOWN = 16
"""Numbers up to which loops are compiled anew for each: beyond, the time to compile does not depend on them."""

PARTS = 4
"""Parts of the work per thread: whoever is done first takes another one."""

VECTOR = 64
"""Bytes of the longest vector."""

NARROW = 16, 32
"""The bytes of shorter ones."""

LONG_ROW = 256
"""Elements of a row from which on what is left of its last vector does not matter."""

ROUND = 64
"""Rows that parts with many of them have a multiple of: vectors begin at the same elements whatever the parts are."""

Call = Callable[..., None]


def worthwhile(steps: int, *options: int) -> bool:
    """Whether loops in C of so many steps are to be run by the settings in force.

    They count in 64 bits: products of two options, or of one and an extent, have to fit.
    """
    backend = current().backend
    if backend == "numpy" or (backend != "compiled" and steps < FEWEST_STEPS):
        return False
    return all(n <= MOST_COUNTED for n in options) and has_c()


def run(
    text: str,
    extent: int,
    steps: int,
    arrays: tuple[Array, ...],
    reals: tuple[Any, ...],
    sizes: tuple[int, ...],
    known: tuple[int, ...],
    sums: int = 0,
    integers: tuple[int, ...] = (),
    repeated: tuple[int, ...] = (),
    row: int = 0,
    uses: str = "",
) -> bool:
    """Run loops, in several threads if that pays; False where they are not wanted, or cannot be compiled.

    Then nothing was computed.

    Args:
        text: the loops; no two rows of the outermost loop write the same element.
        extent: of the outermost loop.
        steps: the number of steps of all loops together.
        arrays: arrays, the written ones first; the type of the first one is that of all but integers.
        reals: numbers of that type.
        sizes: numbers that count.
        known: the same, which the compiler is told while they are small.
        sums: of the loops that add up: the numbers that each row of the outermost loop has; a second sweep adds these.
        integers: which arrays have types of their own, as what is compared with positions has; integers in the others
            are values, and become numbers of the arrays' type.
        repeated: which arrays are one row, the same for all rows; `sizes` begin with the extent of a row then, and
            several short ones are computed as one.
        row: the extent of the innermost loop, where it begins anew again and again; vectors are no longer.
        uses: what a row of the outermost loop does with each array, see `Uses`.
    """
    if not worthwhile(steps):
        return False
    kinds = "".join([a.dtype.char for a in arrays])
    if values := _values(kinds, integers):
        wanted = dict.fromkeys(values, arrays[0].dtype) | dict.fromkeys(set(values) & set(integers), np.dtype(np.int64))
        arrays = tuple(a.astype(wanted.get(k, a.dtype), copy=False) for k, a in enumerate(arrays))
        kinds = "".join([a.dtype.char for a in arrays])
    fixed = tuple([n if n <= MOST_KNOWN else 0 for n in known])
    asked = text, kinds, len(sizes), fixed, bool(sums), _narrow(row * arrays[0].itemsize)
    try:  # in a dry run it is noted, and not kept as what computes
        call = _compiled(*asked) if dry_run() is None else _compiled.__wrapped__(*asked)
    except Unfinished:
        return False
    if call is None:
        return False
    given = [a if a.flags.c_contiguous else a.copy() for a in arrays]  # a copy is recorded
    if any(map(is_not, given, arrays)) and _is_lost(given, arrays, uses):
        return False
    if reals:
        given.append(constant(reals, arrays[0].dtype))
    if sums:
        given.append(zeros((max(1, extent) * sums,), np.float64))
    alone = getattr(this_thread, "worker", False)
    threads = 1 if alone else team_size(steps * STEP, current().threads)
    letters = uses + "-" * bool(reals) + "?" * bool(sums) if uses else ""
    times = _rows_at_a_time(extent, sizes[0], arrays[0].itemsize) if repeated else 1
    if times == 1:
        call(given, (extent, rows_of_part(extent, threads), *sizes, *known), threads, Uses(letters, extent))
        return True
    row, *others = sizes
    whole, rest = divmod(extent, times)
    first, several = whole * times * row, len(arrays)
    moving = [k < several and k not in repeated for k in range(len(given))]
    longer = [_tiled(a, times) if k in repeated else a for k, a in enumerate(given)]
    if rest:
        longer = [a.reshape(-1)[:first] if moves else a for a, moves in zip(longer, moving, strict=True)]
        last = [a.reshape(-1)[first:] if moves else a for a, moves in zip(given, moving, strict=True)]
    call(longer, (whole, rows_of_part(whole, threads), row * times, *others, *known), threads, Uses(letters, whole))
    if rest:
        call(last, (rest, rest, *sizes, *known), 1, Uses(letters, rest))
    return True


def _is_lost(given: Sequence[Array], arrays: Sequence[Array], uses: str) -> bool:
    """Whether what loops write would be in a copy: NumPy lays results out as it read what they are made of."""
    return any(g is not a and letter in "wa*?" for g, a, letter in zip(given, arrays, uses or "w", strict=False))


@lru_cache(512)
def _values(kinds: str, integers: tuple[int, ...]) -> tuple[int, ...]:
    """The arrays that hold integers and are read as real numbers, or that hold such as loops have no type for."""
    return tuple(k for k, kind in enumerate(kinds) if kind not in (TYPES if k in integers else "fd"))


def _narrow(row: int) -> int:
    """The bytes of the longest vector that a row of so many bytes has one of; 0 where vectors may be as long as any."""
    if 0 < row < NARROW[0]:
        return NARROW[0]
    return next((bytes_ for bytes_ in NARROW if bytes_ <= row < 2 * bytes_), 0)


def _tiled(row: Array, times: int) -> Array:
    """A row several times."""
    found = empty((times, row.size), row.dtype)
    found[...] = row.reshape(-1)
    return found.reshape(-1)


def rows_of_part(extent: int, threads: int) -> int:
    """The rows of a part of the work."""
    rows = max(1, extent // (threads * PARTS)) if threads > 1 else max(1, extent)
    return rows + (-rows % ROUND if rows > ROUND**2 else 0)


def _rows_at_a_time(extent: int, row: int, itemsize: int) -> int:
    """How many rows are computed as one: so many that they are whole vectors, and many of them; 1 for all others."""
    lanes = VECTOR // itemsize
    if row % lanes == 0 or row >= LONG_ROW:
        return 1
    times = lanes // gcd(row, lanes)
    times *= max(1, LONG_ROW // (times * row))
    return times if times <= extent else 1


@lru_cache(512)
def _compiled(text: str, kinds: str, first: int, known: tuple[int, ...], adds: bool, narrow: int) -> Call | None:
    """The function for arrays of these types; the `first` number that may be known stands behind so many.

    Where it `adds` up what parts have summed there are two sweeps; vectors are `narrow`, if that is not 0.
    """
    types = [TYPES[kind] for kind in kinds]
    definitions: list[tuple[str, int | str]] = [
        ("REAL", types[0]),
        *((f"TYPE_{k}", kind) for k, kind in enumerate(types)),
    ]
    definitions += [(f"FIXED_{k}", number) for k, number in enumerate(known, first + 2)]
    definitions += [("SWEEPS", 2)] if adds else []
    definitions += [("NARROW", narrow)] if narrow else []
    with process.loading:
        from .native.library import kernel
        from .native.sources import LOOPS
    return kernel(LOOPS + text, tuple(definitions))
