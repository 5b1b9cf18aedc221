"""Windows that slide along axes of a factor."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from .contraction import Contraction, Side


class Sliding(NamedTuple):
    """An axis that a window slides along, ``source[offset + step * position + dilation * tap]``.

    Attributes:
        axis: of the first factor.
        position: the index of the window.
        tap: the index within the window, counted from the other end if `flipped`.
        offset: where tap 0 of window 0 lies.
        step: from window to window.
        dilation: from tap to tap.
        flipped: whether the taps run backwards in memory.
    """

    axis: int
    position: str
    tap: str
    offset: int
    step: int
    dilation: int
    flipped: bool


class Slides(NamedTuple):
    """A contraction whose first factor is read by sliding windows.

    Attributes:
        contraction: with the factors in this order.
        swapped: whether they had the other one.
        axes: the axes that windows slide along.
        adjoint: whether it is summed over the positions, as for the gradient of a kernel, and not over the taps.
        further: taps of windows along other axes than these.
    """

    contraction: Contraction
    swapped: bool
    axes: tuple[Sliding, ...]
    adjoint: bool
    further: tuple[str, ...] = ()

    @property
    def outer(self) -> tuple[str, ...]:
        """The other indices that are treated as positions are: rows, or what is summed over by the adjoint."""
        d = self.contraction
        return self._without(d.summed if self.adjoint else d.rows)

    @property
    def inner(self) -> tuple[str, ...]:
        """The other indices that are treated as taps are."""
        d = self.contraction
        return self._without(d.rows if self.adjoint else d.summed)

    @property
    def taps(self) -> tuple[str, ...]:
        """The indices within the windows."""
        return tuple(a.tap for a in self.axes)

    @property
    def positions(self) -> tuple[str, ...]:
        """The indices of the windows."""
        return tuple(a.position for a in self.axes)

    def _without(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(v for v in names if v not in (*self.taps, *self.positions, *self.further))


def sliding_windows(c: Contraction, most: int | None = None) -> Iterator[Slides]:
    """How windows slide along axes of one of the factors, along the last `most` of them or along all."""
    for swapped in (False, True):
        d = c.swapped() if swapped else c
        for adjoint in (False, True):
            taps, positions = (d.rows, d.summed) if adjoint else (d.summed, d.rows)
            found = [_slide(d.left, axis, positions, taps, d.extents) for axis in range(len(d.left.sizes))]
            axes = tuple(a for a in found if a is not None)[-most if most else 0 :]
            if axes:
                yield Slides(d, swapped, axes, adjoint)


def _slide(
    side: Side, axis: int, positions: Sequence[str], taps: Sequence[str], extents: Mapping[str, int]
) -> Sliding | None:
    moves = side.steps[axis]
    if len(moves) != 2:
        return None
    (position, step), (tap, dilation) = moves if moves[0][0] in positions else moves[::-1]
    others = [v for k, steps in enumerate(side.steps) if k != axis for v, _ in steps]
    if position not in positions or tap not in taps or position in others or tap in others or step < 1 or not dilation:
        return None
    if extents[tap] > extents[position]:
        return None
    offset = side.offsets[axis] + min(0, dilation * (extents[tap] - 1))
    return Sliding(axis, position, tap, offset, step, abs(dilation), dilation < 0)
