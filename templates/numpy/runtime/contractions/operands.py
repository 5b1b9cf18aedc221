"""What a contraction is given: arrays in memory, and what windows see of them."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..arguments.arrays import Array
from ..arguments.traced import Uses
from ..machine.configuration import Settings
from .contraction import Contraction, Side, classified, is_plain, without_ones
from .subscripts import Seen

Bound = Callable[[Array, Array, Array], None]
"""What computes a contraction of arrays with the shapes and strides that it is bound to: left, right, out."""


class WithRow:
    """A `Bound` that can add a row to each row of the result, such as a bias, when it stores that.

    Args:
        run: the same, given a row or None, too.
        size: the elements of a row.
    """

    __slots__ = ("run", "size")

    def __init__(self, run: Callable[[Array, Array, Array, Array | None], None], size: int) -> None:
        self.run, self.size = run, size

    def __call__(self, left: Array, right: Array, out: Array) -> None:
        """Compute it without one."""
        self.run(left, right, out, None)


class Terms(NamedTuple):
    """On what terms a contraction is bound.

    Attributes:
        settings: those in force.
        add: whether the products are added to what a window has, not written; of what gathers never.
        seconds: predicted on one thread.
    """

    settings: Settings
    add: bool = False
    seconds: float = 0.0


Key = tuple[tuple[int, ...], tuple[int, ...], Seen | None]
"""What of an operand a contraction is read from: shape and strides, and what a window sees, if it is one."""


@lru_cache(maxsize=1024)
def contraction_of(spec: str, dtype: np.dtype[Any], *operands: Key) -> Contraction:
    """Read "n i c, c k -> n i k" with the shapes, strides and windows of the operands."""
    texts = spec.replace("->", ",").split(",")
    names = [tuple(text.split()) for text in texts]
    extents: dict[str, int] = {}
    sides = []
    for axes, (shape_, _, window_) in zip(names, operands, strict=True):
        extents |= dict(zip(axes, window_[0] if window_ else shape_, strict=True))
    for axes, (shape_, strides, window_) in zip(names, operands, strict=True):
        places = window_[1] if window_ else tuple((0, (k, 1)) for k in range(len(shape_)))
        steps = tuple(tuple((axes[k], step) for k, step in moves) for _, *moves in places)
        side = Side(shape_, strides, tuple(place[0] for place in places), steps)
        sides.append(without_ones(side, extents))
    left, right, out = sides
    extents = {v: n for v, n in extents.items() if n != 1}
    gathers = all(is_plain(out, axis, extents) for axis in range(len(out.sizes)))
    return classified(left, right, out, extents, dtype, gathers)


LEAST_PIECE = 1 << 13
"""Bytes of a usual piece of a result below which calling others for each takes longer than reading it again."""


def told(c: Contraction, multiple: int, usual: int) -> Uses:
    """How a function in C uses two factors, the result, and a row.

    Args:
        c: what it computes.
        multiple: pieces that it tells of have a multiple of so many elements, and begin at one; 0 if it tells of none.
        usual: the elements of a usual one.
    """
    worth = c.packed and usual * c.dtype.itemsize >= LEAST_PIECE
    return Uses("--w-", 0, multiple * c.dtype.itemsize) if worth else Uses("--*-" if c.packed else "")
