"""Weights that are updated element by element, in C: all are looked at first, and then changed where they lie."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from operator import is_
from typing import Any, NamedTuple

import numpy as np

from ..arguments.arrays import Array
from ..arguments.traced import Traced, Untraceable, traced
from ..machine.ahead import dry_run
from ..machine.compiled import STEP, TYPES, rows_of_part, worthwhile
from ..machine.configuration import current, settings
from ..machine.memory import scratch_memory
from ..machine.native.library import Placed, call_steps, packed
from ..machine.threads import team_size
from ..recording.elements import function_of_totals, numbers_of_total
from ..recording.trace import Tracing, address, owner

AT_A_TIME = 1 << 16
"""Elements that are updated before they are looked at: what is made of them is in a core's cache then."""

WIDEST = 8
"""Bytes of an element at most."""

Row = Sequence[Array]
"""A weight, its gradient, and what is kept of it."""


class Update(NamedTuple):
    """A function in C that makes of elements what they become.

    Attributes:
        address: of it.
        roles: of the arrays that it is given: numbers of results, from 0, and behind them of what is read; then -1 for
            the numbers.
        results: how many there are: what a weight becomes, and what is kept of it.
    """

    address: int
    roles: tuple[int, ...]
    results: int


class Program(NamedTuple):
    """The steps of an update, and how many: those that look, and those that write.

    Attributes:
        look: make what weights become, a block at a time, and sums of that.
        write: make it again, in place.
        start: the byte where the sums begin in the memory that all of them share.
        sums: how many there are: float64.
    """

    look: tuple[bytes, int]
    write: tuple[bytes, int]
    start: int
    sums: int


class Written:
    """Arrays that are written to: none of them may overlap another one, or a gradient.

    Args:
        arrays: all of them.

    Attributes:
        plain: whether none does, and each lies in memory element by element.
    """

    def __init__(self, arrays: Sequence[Array]) -> None:
        spans = sorted((address(a), address(a) + a.nbytes) for a in arrays if a.size)
        self._starts, self._ends = [start for start, _ in spans], [end for _, end in spans]
        self._owners = {id(own): own for own in map(owner, arrays)}
        self._foreign = any(own.base is not None for own in self._owners.values())
        self.plain = all(end <= start for (_, end), (start, _) in pairwise(spans)) and all(map(_is_plain, arrays))

    def meets(self, array: Array) -> bool:
        """Whether an array overlaps one of them."""
        own = owner(array)
        if own.base is None and not self._foreign and id(own) not in self._owners:
            return False  # memory of its own
        start = address(array)
        k = bisect_right(self._starts, start + array.nbytes - 1) - 1
        return k >= 0 and self._ends[k] > start


class Updates:
    """The updates of an optimiser in C: what they are known to be, and where they write. A copy begins anew."""

    def __init__(self) -> None:
        self._arrays: list[Array] = []
        self._written = Written(())
        self._known: dict[np.dtype[Any], tuple[Any, Update, Array]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Updates, ()

    def in_place(self, updated: Callable[..., tuple[Array, ...]], rows: Sequence[Row], options: Any) -> bool:
        """Write what an update makes of weights; False where it is no work for C, or not finite: all is as it was then.

        Args:
            updated: what a weight and what is kept of it become, element by element.
            rows: the weights, their gradients, and what is kept.
            options: what that depends on besides; None where nobody knows.
        """
        rows = [row for row in rows if row[0].size]
        if dry_run() is not None or not worthwhile(sum(row[0].size for row in rows)):
            return False
        if not all(map(_is_one_kind, rows)):
            return False
        self._look([a for weight, _, *kept in rows for a in (weight, *kept)])
        if not self._written.plain or not all(_is_plain(g) and not self._written.meets(g) for _, g, *_ in rows):
            return False
        kinds = tuple(dict.fromkeys(row[0].dtype for row in rows))
        try:
            found = [self._update(updated, kind, len(rows[0]), options) for kind in kinds]
            sizes = tuple((kinds.index(row[0].dtype), row[0].size) for row in rows)
            program = _program(tuple(update for update, _ in found), kinds, sizes, current().threads)
        except Untraceable:
            return False
        room = scratch_memory("updates", (program.start // WIDEST + program.sums,), np.float64)
        objects = [room, *(numbers for _, numbers in found), *(a for row in rows for a in row)]
        call_steps(*program.look, objects)
        if not np.isfinite(room[program.start // WIDEST :]).all():
            return False
        call_steps(*program.write, objects)
        return True

    def _look(self, arrays: list[Array]) -> None:
        """Look where arrays lie, if they are others than the last ones."""
        if len(arrays) != len(self._arrays) or not all(map(is_, arrays, self._arrays)):
            self._arrays, self._written = arrays, Written(arrays)

    def _update(
        self, updated: Callable[..., tuple[Array, ...]], kind: np.dtype[Any], number: int, options: Any
    ) -> tuple[Update, Array]:
        """What updates elements of a type: as it was with the same options."""
        known = self._known.get(kind)
        if known is None or options is None or known[0] != options:
            known = self._known[kind] = options, *_traced(updated, kind, number)
        return known[1:]


def _traced(updated: Callable[..., tuple[Array, ...]], kind: np.dtype[Any], number: int) -> tuple[Update, Array]:
    """What updates elements of a type, and the numbers that it is given by now.

    Raises:
        Untraceable: where that is no function in C that goes along all of them.
    """
    given, trace = [np.ones(1, kind) for _ in range(number)], Tracing()
    with settings(backend="compiled"), traced(trace), np.errstate(all="ignore"):
        results = updated(*(a.view(Traced) for a in given))
    roles = {address(a): k for k, a in enumerate((*results, *given))}
    if len(trace.steps) != 1 or len(roles) != len(results) + number or len(results) != number - 1:
        raise Untraceable("an update in several steps")
    (step,) = trace.steps
    arrays = [a for a in step.arrays if a is not None]
    others = [a for a in arrays if address(a) not in roles]
    if len(arrays) < len(step.arrays) or len(others) > 1 or len(step.numbers) != 2:
        raise Untraceable("an update that is given other things")
    own = tuple(roles.get(address(a), -1) for a in arrays)
    return Update(step.address, own, len(results)), others[0] if others else given[0]


@lru_cache(64)
def _program(
    updates: tuple[Update, ...], kinds: tuple[np.dtype[Any], ...], sizes: tuple[tuple[int, int], ...], most: int | None
) -> Program:
    """The steps for weights, each by the number of its type and its size, on so many threads at most."""
    given = updates[0].results + 1
    blocks = [
        (weight, kind, low, min(AT_A_TIME, size - low))
        for weight, (kind, size) in enumerate(sizes)
        for low in range(0, size, AT_A_TIME)
    ]
    made = [k * WIDEST * AT_A_TIME for k in range(updates[0].results)]  # one behind the other, and sums behind all
    sums = len(made) * WIDEST * AT_A_TIME + WIDEST
    look: list[list[Placed]] = []
    write: list[list[Placed]] = []
    count = 0
    for weight, kind, low, size in blocks:
        update, dtype = updates[kind], kinds[kind]
        threads = team_size(size * STEP, most)
        first, start = 1 + len(kinds) + weight * given, low * dtype.itemsize
        read = [(first + k, start) for k in range(given)]
        numbers = size, rows_of_part(size, threads)
        for steps, targets in ((look, [(0, at) for at in made]), (write, [read[0], *read[2:]])):
            places = [(*place, 0) for place in (*targets, *read, (1 + kind, 0))]
            steps.append([Placed(update.address, tuple(places[k] for k in update.roles), numbers, threads)])
        total, parted = numbers_of_total("add", (1, size, 1), threads), function_of_totals(TYPES[dtype.char])
        for at in made:
            places = [(0, begin, 0) for begin in (sums - WIDEST, at, sums + count * WIDEST)]
            look.append([Placed(parted.address, tuple(places), total, threads)])
            count += total[0]
    return Program(packed(look), packed(write), sums, count)


def _is_one_kind(row: Row) -> bool:
    """Whether arrays are of one type and size, and all but the gradient may be written to: C looks at none of that."""
    weight, gradient, *kept = row
    same = all(a.dtype == weight.dtype and a.size == weight.size for a in (gradient, *kept))
    return same and all(a.flags.writeable for a in (weight, *kept))


def _is_plain(array: Array) -> bool:
    """Whether it lies in memory element by element, in the order of its axes."""
    return array.flags.c_contiguous and array.flags.aligned
