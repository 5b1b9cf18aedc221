"""A call that was recorded: what it is given, what it does, and what it returns."""

from collections.abc import Sequence
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from ..arguments.arrays import Array
from ..arguments.traced import Untraceable
from ..machine.memory import empty
from ..machine.native.library import call_steps, packed
from .layout.arena import Arena
from .layout.layout import Layout, returned
from .trace import Tracing, address

VALUES = frozenset({bool, int, float, str, tuple, type(None)})
"""The types of what is given besides arrays: another value is another call."""

BLANK = 0xFF
"""A byte: numbers that are made of it are NaN."""


class Kind(NamedTuple):
    """What is expected of something given: another one of the same kind can take its place.

    Attributes:
        shape: of an array, which lies in memory row by row.
        dtype: of it.
        within: the number of an array that it is a part of.
        start: the byte of that where it begins.
        value: what is no array.
    """

    shape: tuple[int, ...] | None = None
    dtype: Any = None
    within: int | None = None
    start: int = 0
    value: Any = None

    def fits(self, value: Any, given: Sequence[Any]) -> bool:
        """Whether a value among those given is of that kind."""
        if self.shape is None:
            return type(value) is type(self.value) and bool(value == self.value) and str(value) == str(self.value)
        if type(value) is not np.ndarray or value.shape != self.shape or value.dtype != self.dtype:
            return False
        if not value.flags.c_contiguous or self.within is None:
            return value.flags.c_contiguous
        whole = given[self.within]
        return isinstance(whole, np.ndarray) and address(value) == address(whole) + self.start


def kinds(given: Sequence[Any]) -> tuple[Kind, ...]:
    """The kinds of what is given.

    Raises:
        Untraceable: where two arrays overlap in part, or one does not lie in memory row by row.
    """
    found: list[Kind] = []
    for value in given:
        if not isinstance(value, np.ndarray):
            if type(value) not in VALUES:
                raise Untraceable(f"{type(value).__name__} is given")
            found.append(Kind(value=value))
        elif type(value) is not np.ndarray or not value.flags.c_contiguous or not value.size:
            raise Untraceable("an array that is empty, or does not lie row by row")
        else:
            found.append(Kind(value.shape, value.dtype))
    end, within, first = 0, 0, 0
    for start, size, k in sorted((address(v), -v.nbytes, k) for k, v in enumerate(given) if isinstance(v, np.ndarray)):
        if start >= end:
            first, end, within = start, start - size, k
        elif start - size > end:
            raise Untraceable("arrays that are given overlap")
        else:
            found[k] = found[k]._replace(within=within, start=start - first)
    return tuple(found)


class Recording:
    """A call that can be made again on arrays of the same kinds.

    Args:
        given: what it was given, as `leaves`.
        trace: what it did.
        result: what it returned.
        held: arrays that stay as they are until it is made again; all else that it returns is new each time.
        arena: memory that it shares with other calls.
    """

    def __init__(self, given: Sequence[Any], trace: Tracing, result: Any, held: Sequence[Array], arena: Arena) -> None:
        self.lock, self.arena = Lock(), arena
        self.known = [*given]
        self.kinds = kinds(given)
        self._given = [k for k, kind in enumerate(self.kinds) if kind.shape is not None and kind.within is None]
        layout = Layout([given[k] for k in self._given], trace, result, held)
        self.kept, self.made, self.result, self.shared = layout.kept, layout.made, layout.tree, layout.shared
        self._steps, self._count = packed(layout.groups)

    @property
    def size(self) -> int:
        """The bytes that it keeps for itself."""
        return sum(array.nbytes for array in self.kept)

    def fits(self, given: Sequence[Any]) -> bool:
        """Whether it can be made on what is given."""
        if len(given) != len(self.known):
            return False
        for value, known, kind in zip(given, self.known, self.kinds, strict=True):
            if (value is not known or kind.within is not None) and not kind.fits(value, given):
                return False
        return True

    def made_again(self, given: Sequence[Any], blank: bool = False) -> Any:
        """What it returns for what is given, which `fits`; from `blank` memory what is not written shows."""
        shared = self.arena.take(self.shared)
        try:
            if blank:
                shared.fill(BLANK)
            new = [empty(*kind) for kind in self.made]
            objects = [*self.kept, *[given[k] for k in self._given], *new, shared]
            call_steps(self._steps, self._count, objects)
        finally:
            self.arena.give(shared)
        for k, value in enumerate(given):  # what changes from call to call is not kept alive
            if value is not self.known[k]:
                self.known[k] = None
        return returned(self.result, objects)
