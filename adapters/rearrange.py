"""A layout as a line of text: ``"... c k -> k c ..."`` says where each axis of a weight goes in another framework."""

import math
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Rearrangement:
    """A permutation of axes, some of them joined: ``"c g h -> (g h) c"``.

    Attributes:
        pattern: on the left our axes; on the right theirs, where brackets join axes and 1 is an axis of one element.
            ``...`` on both sides stands for any number of axes, and so does an empty pattern, of which both are equal.
    """

    pattern: str = "... -> ..."

    def shape(self, ours: tuple[int, ...]) -> tuple[int, ...]:
        """Their shape of an array whose shape is `ours`."""
        return tuple(math.prod(ours[axis] for axis in group) for group in self._groups(len(ours)))

    def forth(self, array: Array) -> Array:
        """Our array in their layout."""
        return array.transpose(self._order(array.ndim)).reshape(self.shape(array.shape))

    def back(self, array: Array, ours: tuple[int, ...]) -> Array:
        """Their array in our layout, whose shape is `ours`."""
        order = self._order(len(ours))
        places = sorted(range(len(ours)), key=order.__getitem__)
        return array.reshape([ours[axis] for axis in order]).transpose(places)

    def _order(self, rank: int) -> list[int]:
        return [axis for group in self._groups(rank) for axis in group]

    def _groups(self, rank: int) -> list[tuple[int, ...]]:
        """Our axes that make up each of theirs."""
        left, right = (side.split() for side in self.pattern.split("->"))
        rest = rank - (len(left) - left.count("..."))
        names = [n for name in left for n in ([f".{k}" for k in range(rest)] if name == "..." else [name])]
        groups: list[tuple[int, ...]] = []
        joined: list[int] | None = None
        for word in right:
            name = word.strip("()")
            joined = [] if word.startswith("(") else joined
            if name == "...":
                groups += [(names.index(f".{k}"),) for k in range(rest)]
            elif joined is not None:
                joined.append(names.index(name))
            else:
                groups.append(() if name == "1" else (names.index(name),))
            if word.endswith(")") and joined is not None:
                groups.append(tuple(joined))
                joined = None
        return groups
