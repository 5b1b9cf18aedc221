"""The box of the first factor that a block of a contraction reads, copied with zeros around it."""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from ..contraction import Side
from .loops import Loop

FAR = 1 << 62
"""What an axis counts as that does not move in memory: the copy has it outermost."""


class Axis(NamedTuple):
    """An axis of a box, or several axes of the array that lie in memory like one.

    Attributes:
        size: positions along it in the array.
        step: the distance between two of them, in elements.
        start: the first position that the first block reads.
        extent: positions that a block reads.
        origin: the position in the box that indices 0 lead to.
        scales: of each axis of the array that it consists of, how many positions a step along it is.
    """

    size: int
    step: int
    start: int
    extent: int
    origin: int
    scales: tuple[tuple[int, int], ...]

    def moves(self, loop: Loop) -> int:
        """How many positions a loop moves by one."""
        return sum(loop.steps[axis] * scale for axis, scale in self.scales)


class Box(NamedTuple):
    """The axes of a box, in the order of memory."""

    axes: tuple[Axis, ...]

    @property
    def size(self) -> int:
        """Its elements."""
        return prod(axis.extent for axis in self.axes)

    @property
    def distances(self) -> tuple[int, ...]:
        """Between neighbours along each axis, in the copy."""
        extents = [axis.extent for axis in self.axes]
        return tuple(prod(extents[k + 1 :]) for k in range(len(extents)))

    @property
    def covered(self) -> frozenset[int]:
        """The axes of the array that it has."""
        return frozenset(axis for found in self.axes for axis, _ in found.scales)

    @property
    def origin(self) -> int:
        """Where in the copy the element is that indices 0 lead to."""
        return sum(axis.origin * distance for axis, distance in zip(self.axes, self.distances, strict=True))

    def within(self, loop: Loop) -> Loop:
        """A loop within a block: it moves in the copy."""
        moved = zip(self.axes, self.distances, strict=True)
        return loop._replace(a=sum(axis.moves(loop) * distance for axis, distance in moved))

    def around(self, loop: Loop, side: Side, itemsize: int) -> Loop:
        """A loop around blocks: what moves the box does not move the array."""
        steps = enumerate(zip(loop.steps, side.strides, strict=True))
        return loop._replace(a=sum(step * n // itemsize for axis, (step, n) in steps if axis not in self.covered))


def box_of(side: Side, within: Sequence[Loop], around: Sequence[Loop], itemsize: int) -> Box:
    """The box of the axes that loops within a block move along, or that are left.

    Args:
        side: the first factor.
        within: the loops within a block.
        around: those around it.
        itemsize: bytes of an element.
    """
    axes: list[Axis] = []
    for number in sorted(range(len(side.sizes)), key=lambda axis: -abs(side.strides[axis] or FAR)):
        size, stride, offset = side.sizes[number], side.strides[number], side.offsets[number]
        low, high = _reach(offset, within, number)
        least, most = _reach(low, around, number)[0], _reach(high, around, number)[1]
        if not any(loop.steps[number] for loop in within) and least >= 0 and most < size:
            continue
        axis = Axis(size, stride // itemsize, low, high - low + 1, offset - low, ((number, 1),))
        whole = low == 0 and high == size - 1 and not any(loop.steps[number] for loop in around)
        if axes and whole and axes[-1].step == axis.step * size:
            axes[-1] = _with_whole(axes[-1], axis)
        else:
            axes.append(axis)
    return Box(tuple(axes))


def _reach(offset: int, loops: Sequence[Loop], axis: int) -> tuple[int, int]:
    moved = [loop.steps[axis] * (loop.extent - 1) for loop in loops]
    return offset + sum(min(0, m) for m in moved), offset + sum(max(0, m) for m in moved)


def _with_whole(outer: Axis, inner: Axis) -> Axis:
    """Two axes as one, of which the inner one is whole."""
    n = inner.size
    scales = (*((axis, scale * n) for axis, scale in outer.scales), *inner.scales)
    return Axis(outer.size * n, inner.step, outer.start * n, outer.extent * n, outer.origin * n + inner.origin, scales)
