"""Where everything lies that a recorded call computes with, and its steps as they are called."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...arguments.arrays import Array
from ...machine.native.library import Placed
from ..trace import Tracing
from ..tree import leaves, rebuilt
from .arena import Need, arranged
from .groups import Member, early, groups
from .in_place import in_place, lives_of
from .values import Kind, Value, Values


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


class Layout:
    """Where values lie, among arrays in this order: those that are kept, those given, new ones, and what is shared.

    Attributes:
        kept: arrays that stay.
        made: the shapes and types of the new ones.
        shared: the bytes that are shared with other calls.
        tree: what is returned, each array as `Seen`.
        groups: the steps.
    """

    def __init__(self, given: Sequence[Array], trace: Tracing, result: Any, held: Sequence[Array]) -> None:
        results = [end for end in leaves(result) if isinstance(end, np.ndarray)]
        values = Values(given, trace, results, held)
        found = early(groups(trace.steps, values.used), [k for k, v in enumerate(values.found) if v.kind is Kind.NEW])
        in_place(found, values.found)
        alive = {k: live for k, live in lives_of(found).items() if values.found[k].kind is Kind.SHARED}
        shared, self.shared = arranged({k: Need(values.found[k].size, *live) for k, live in alive.items()})
        self.kept = [v.whole for v in values.found if v.kind is Kind.KEPT]
        new = [v.whole for v in values.found if v.kind is Kind.NEW]
        self.made = [(a.shape, a.dtype) for a in new]
        self._places = _places(values.found, len(given), shared)
        self.tree = rebuilt(result, lambda end: self._seen(end, values) if isinstance(end, np.ndarray) else end)
        self.groups = [[self._placed(member) for member in group.members] for group in found]

    def _seen(self, array: Array, values: Values) -> Seen:
        value, start = values.place(array)
        place, behind = self._places[value]
        return Seen(place, behind + start, array.shape, array.strides, array.dtype)

    def _placed(self, member: Member) -> Placed:
        step = member.step
        places = []
        for region in member.regions:
            place, start = (-1, 0) if region is None else self._places[region.value]
            places.append((place, start + region.at if region else 0, region.row if region else 0))
        return Placed(step.address, places, step.numbers, step.threads, step.uses.rows, member.after, member.read)


def _places(values: Sequence[Value], given: int, shared: dict[int, int]) -> list[tuple[int, int]]:
    """Of each value the number of the array that it lies in, and by how many bytes behind its beginning."""
    kept, new = (
        {k: n for n, k in enumerate(k for k, v in enumerate(values) if v.kind is kind)}
        for kind in (Kind.KEPT, Kind.NEW)
    )
    last = len(kept) + given + len(new)

    def place(k: int, value: Value) -> tuple[int, int]:
        match value.kind:
            case Kind.KEPT:
                return kept[k], 0
            case Kind.GIVEN:
                return len(kept) + value.whole, 0
            case Kind.NEW:
                return len(kept) + given + new[k], 0
        return last, shared.get(k, 0)

    return [place(k, value) for k, value in enumerate(values)]


def returned(tree: Any, objects: Sequence[Array]) -> Any:
    """What is returned, of these arrays."""
    kind = type(tree)
    if kind is Seen:
        return tree.of(objects)
    if kind is dict:
        return {name: returned(part, objects) for name, part in tree.items()}
    if kind is tuple:
        return tuple([returned(part, objects) for part in tree])
    return tree
