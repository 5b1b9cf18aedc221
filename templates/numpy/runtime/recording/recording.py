"""A call that was recorded: what it is given, what it does, and what it returns."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from ..arguments.arrays import Array
from ..arguments.traced import Untraceable
from ..machine.memory import empty
from ..machine.native.library import Placed, call_steps, packed
from .trace import Tracing, address, owner

VALUES = frozenset({bool, int, float, str, tuple, type(None)})
"""The types of what is given besides arrays: another value is another call."""


class Seen(NamedTuple):
    """An array as a part of another one: its place among these, the byte where it begins, shape, strides and type."""

    place: int
    start: int
    extents: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: Any

    def of(self, objects: Sequence[Array]) -> Array:
        """The array."""
        _, start, extents, strides, dtype = self
        whole = objects[self.place]
        if start == 0 and whole.shape == extents and whole.dtype == dtype and whole.strides == strides:
            return whole
        return np.ndarray(extents, dtype, whole, start, strides)


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


def leaves(value: Any) -> list[Any]:
    """What a tree of tuples and dictionaries has at its ends, and the names of these."""
    found: list[Any] = []
    _gather(value, found)
    return found


def _gather(value: Any, found: list[Any]) -> None:
    kind = type(value)
    if kind is dict:
        found.append(tuple(value))
        for part in value.values():
            _gather(part, found)
    elif kind is tuple:
        for part in value:
            _gather(part, found)
    else:
        found.append(value)


def rebuilt(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same tree with other ends."""
    if type(value) is dict:
        return {name: rebuilt(part, change) for name, part in value.items()}
    if type(value) is tuple:
        return tuple([rebuilt(part, change) for part in value])
    return change(value)


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
    """

    def __init__(self, given: Sequence[Any], trace: Tracing, result: Any, held: Sequence[Array]) -> None:
        self.lock = Lock()
        self.known = [*given]
        self.kinds = kinds(given)
        self._given = [k for k, kind in enumerate(self.kinds) if kind.shape is not None and kind.within is None]
        layout = _Layout([given[k] for k in self._given], trace, result, held)
        self.kept, self.made, self.result = layout.kept, layout.made, layout.tree
        self._steps, self._count = layout.program()

    @property
    def size(self) -> int:
        """The bytes that it keeps."""
        return sum(array.nbytes for array in self.kept)

    def fits(self, given: Sequence[Any]) -> bool:
        """Whether it can be made on what is given."""
        if len(given) != len(self.known):
            return False
        for value, known, kind in zip(given, self.known, self.kinds, strict=True):
            if (value is not known or kind.within is not None) and not kind.fits(value, given):
                return False
        return True

    def made_again(self, given: Sequence[Any]) -> Any:
        """What it returns for what is given, which `fits`."""
        new = [empty(*kind) for kind in self.made]
        objects = [*self.kept, *[given[k] for k in self._given], *new]
        call_steps(self._steps, self._count, objects)
        for k, value in enumerate(given):  # what changes from call to call is not kept alive
            if value is not self.known[k]:
                self.known[k] = None
        return _result(self.result, objects)


def _result(tree: Any, objects: Sequence[Array]) -> Any:
    kind = type(tree)
    if kind is Seen:
        return tree.of(objects)
    if kind is dict:
        return {name: _result(part, objects) for name, part in tree.items()}
    if kind is tuple:
        return tuple([_result(part, objects) for part in tree])
    return tree


class _Layout:
    """Which arrays of a call are given, which stay its own and which are new each time.

    Attributes:
        kept: those that stay.
        made: the shapes and types of the new ones.
        tree: what is returned, each array as it is seen in one of `kept`, those given and `made`, in this order.
    """

    def __init__(self, given: Sequence[Array], trace: Tracing, result: Any, held: Sequence[Array]) -> None:
        self.steps = trace.steps
        self._made = trace.made
        self._spans = sorted((address(a), address(a) + a.nbytes, k) for k, a in enumerate(given))
        self._starts = [start for start, _, _ in self._spans]
        stays = {id(owner(a)) for a in held}
        returned = {id(w): w for w in map(self._whole, _arrays(result)) if isinstance(w, np.ndarray)}
        new = {key: a for key, a in returned.items() if id(owner(a)) not in stays}
        used = {id(w): w for step in self.steps for w in map(self._whole, step.arrays) if isinstance(w, np.ndarray)}
        kept = {key: a for key, a in (returned | used).items() if key not in new}
        self.kept, self.made = [*kept.values()], [(a.shape, a.dtype) for a in new.values()]
        self._places = {key: k for k, key in enumerate(kept)}
        self._places |= {key: len(kept) + len(given) + k for k, key in enumerate(new)}
        self.tree = rebuilt(result, lambda end: self._seen(end) if isinstance(end, np.ndarray) else end)

    def _whole(self, array: Array | None) -> Array | int | None:
        """The memory that an array lies in: as an array that was made, or its number among those given."""
        if array is None:
            return None
        start = address(array)
        k = bisect_right(self._starts, start) - 1
        if k >= 0 and start < max(self._spans[k][1], self._spans[k][0] + 1):
            return self._spans[k][2]
        whole = owner(array)
        return self._made.get(id(whole), whole)

    def _place(self, array: Array | None) -> tuple[int, int]:
        """The number of the memory that an array lies in, and by how many bytes behind its beginning."""
        whole = self._whole(array)
        if whole is None or array is None:
            return -1, 0
        if isinstance(whole, int):
            start = next(start for start, _, number in self._spans if number == whole)
            return len(self.kept) + whole, address(array) - start
        return self._places[id(whole)], address(array) - address(whole)

    def _seen(self, array: Array) -> Seen:
        place, start = self._place(array)
        return Seen(place, start, array.shape, array.strides, array.dtype)

    def program(self) -> tuple[bytes, int]:
        """The steps, and how many there are."""
        return packed([Placed(s.address, [*map(self._place, s.arrays)], s.numbers, s.threads) for s in self.steps])


def _arrays(tree: Any) -> Iterator[Array]:
    return (end for end in leaves(tree) if isinstance(end, np.ndarray))
