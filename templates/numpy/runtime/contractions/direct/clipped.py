"""Sums that end where a window leaves the first factor: for few summands, which are done before a box is copied."""

from collections.abc import Sequence
from typing import NamedTuple

from ..contraction import Side
from .loops import Loop

MOST_SUMMANDS = 64
"""Of an element: copying its window once, for all elements that share it, would take as long."""


class Clip(NamedTuple):
    """An axis of the first factor that windows leave.

    Attributes:
        size: positions along it.
        start: where indices 0 lead to.
        parts: how far the loops over parts move along it.
        across: how far the first of the loops across a part does.
        row: how far a row does.
        summed: the number of the inner sum that moves along it, or of one with a single summand.
        step: how far that does; not 0, so that a single summand is left where it lies outside.
    """

    size: int
    start: int
    parts: tuple[int, ...]
    across: int
    row: int
    summed: int
    step: int

    def inside(self, rows: int, summands: int) -> int:
        """How many of so many rows have all of so many summands, the first rows of which begin at `start`."""
        first, last = sorted((0, self.step * (summands - 1)))
        return sum(self.start + m * self.row + first >= 0 and self.start + m * self.row + last < self.size
                   for m in range(rows))  # fmt: skip


def clips_of(
    side: Side, parts: Sequence[Loop], across: Loop, row: Loop, summed: Sequence[Loop]
) -> tuple[Clip, ...] | None:
    """The axes that are left; None where one of them is left by rows and by others, or is moved along by several sums.

    Args:
        side: the first factor.
        parts: the loops over parts.
        across: what else of the result a part has.
        row: the rows of a tile.
        summed: the inner sums.
    """
    found: list[Clip] = []
    single = [k for k, loop in enumerate(summed) if loop.extent == 1]
    loops = (*parts, across, row, *summed)
    for axis, (size, offset) in enumerate(zip(side.sizes, side.offsets, strict=True)):
        moves = [(_along(loop, axis), loop.extent) for loop in loops]
        least = offset + sum(min(0, step * (extent - 1)) for step, extent in moves)
        most = offset + sum(max(0, step * (extent - 1)) for step, extent in moves)
        if least >= 0 and most < size:
            continue
        moving = [k for k, loop in enumerate(summed) if _along(loop, axis)]
        own = tuple(_along(loop, axis) for loop in parts)
        moved = bool(_along(row, axis)) and (any(own) or bool(_along(across, axis)))
        if len(moving) > 1 or moved or not (moving or single):
            return None
        k = moving[0] if moving else single.pop()
        step = _along(summed[k], axis) or size
        found.append(Clip(size, offset, own, _along(across, axis), _along(row, axis), k, step))
    by_rows = [clip for clip in found if clip.row]
    sums = {clip.summed for clip in found}
    return tuple(found) if len(by_rows) <= 1 and len(sums) == len(found) else None


def _along(loop: Loop, axis: int) -> int:
    return loop.steps[axis] if loop.steps else 0
