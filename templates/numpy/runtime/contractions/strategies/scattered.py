"""How products are added to a window: what is looped over, in which order, block by block."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ...arithmetic.ranges import BLOCK, box_blocks
from ..contraction import Contraction, Side, is_plain

SHORT = 8
"""Elements of an axis that is too short for slices of it to be fast."""

LONG = 32
"""Elements of an axis that is long enough for slices along it to be fast."""

MOST_SCATTERED = 1 << 22
"""Products, for a value of the first index, that are computed before they are added."""


class Scatter(NamedTuple):
    """How to add products to a window: one addition of slices per tap.

    Attributes:
        taps: the indices that are looped over.
        vectors: the others that the result has, in the order of the slices.
        planes: where the last axis is a short one, the order of the axes meanwhile, the longest run last; else ().
        blocks: the ranges of the first index, block by block.
        inner: the ranges of another index, for parts of a block that are computed one after the other.
    """

    taps: tuple[str, ...]
    vectors: tuple[str, ...]
    planes: tuple[int, ...]
    blocks: tuple[Any, ...]
    inner: tuple[Any, ...]


def scatter_plan(c: Contraction) -> Scatter:
    """The taps are all indices of a position but its longest."""
    taps: list[str] = []
    for moves in c.out.steps:
        longest = max(moves, key=lambda vs: c.extents[vs[0]], default=None)
        taps += [v for v, _ in moves if longest is not None and v != longest[0]]
    vectors = tuple(v for v in c.out.names if v not in taps)
    whole = tuple(v for axis, moves in enumerate(c.out.steps) for v, _ in moves if is_plain(c.out, axis, c.extents))
    planar = bool(vectors) and vectors[-1] in whole[1:] and c.extents[vectors[-1]] <= SHORT
    first = next((v for v in vectors if v in whole and not (planar and v == vectors[-1])), None)
    planes = _plane_order(c) if planar else ()
    if planes:
        vectors = tuple(v for axis in planes for v, _ in c.out.steps[axis] if v in vectors)
    if first is not None and any(_crosses(side, first, c.extents) for side in (c.left, c.right)):
        first = None
    each, blocks = c.volume(taps, vectors), ((),)
    if first is not None:
        each //= c.extents[first]
        blocks = box_blocks((first,), c.extents, max(1, 4 * BLOCK // max(1, each)))
    other = max((v for v in vectors if v != first), key=lambda v: c.extents[v], default="")
    inner: tuple[Any, ...] = ((),)
    if other and each > MOST_SCATTERED:
        inner = box_blocks((other,), c.extents, max(1, MOST_SCATTERED * c.extents[other] // each))
    return Scatter(tuple(taps), vectors, planes, blocks, inner)


def _plane_order(c: Contraction) -> tuple[int, ...]:
    """The axes of the result, the last one first, and behind the others the first one if it is long."""
    last = len(c.out.steps) - 1
    long = last > 0 and is_plain(c.out, 0, c.extents) and c.out.sizes[0] >= LONG
    return (last, *range(1, last), 0) if long else (last, *range(last))


def _crosses(side: Side, index: str, extents: Mapping[str, int]) -> bool:
    """Whether an index shares an axis of an array with others, or is no whole axis of it."""
    axes = [axis for axis, moves in enumerate(side.steps) if any(v == index for v, _ in moves)]
    return any(not is_plain(side, axis, extents) for axis in axes)
