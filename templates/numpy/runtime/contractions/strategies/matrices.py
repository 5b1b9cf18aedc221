"""What of a contraction is matrices in memory, and how the rest is copied block by block."""

from collections.abc import Sequence
from typing import NamedTuple

from ...arithmetic.ranges import BLOCK, box_blocks
from ..contraction import Contraction, Side, is_inside, merged, run_bytes

PIECE = 1 << 25
"""Multiplications of a thread at a time where nothing is copied."""

LEAST_ROWS = 192
"""Rows that a matrix product should have."""

SHORT_RUN = 9
"""Elements next to each other that are too few to be copied fast."""

LONGEST_SUM = 1 << 13
"""Products that BLAS adds up at a time where there are few results: in float32 it adds them one after the other."""


class Blocked(NamedTuple):
    """How to compute a contraction as matrix products of blocks.

    Attributes:
        swap: whether the factors change roles: the first is the one that is taken block by block.
        copied: whether its blocks are copied: they are no matrices in memory.
        fixed: whether the other factor is copied, once.
        summed_first: whether a block has its summed axes first.
        along: "rows" or "summed": the axes that are cut.
        blocks: the ranges of these axes, block by block.
    """

    swap: bool
    copied: bool
    fixed: bool
    summed_first: bool
    along: str
    blocks: tuple[tuple[tuple[str, tuple[int, int]], ...], ...]


def blocked_plan(c: Contraction) -> Blocked:
    """Matrices as they lie in memory, else copies block by block of the factor that is the larger."""
    left = _is_matrix(c.left, c.rows, c.summed, c)
    right = _is_matrix(c.right, c.summed, c.columns, c)
    if left != right:
        swap = left
    elif left:
        swap = c.volume(c.columns) > c.volume(c.rows)
    else:
        swap = c.volume(c.summed, c.columns) > c.volume(c.rows, c.summed)
    plan = _cut(c, swap, not (right if swap else left), not (left if swap else right))
    straight = _cut(c, False, False, False) if left and right and swap else plan
    return straight if len(straight.blocks) == 1 else plan  # what is not cut need not be swapped


def _cut(c: Contraction, swap: bool, copied: bool, fixed: bool) -> Blocked:
    """The blocks of the first factor, or of the second one."""
    d = c.swapped() if swap else c
    rows, summed = d.volume(d.rows), d.volume(d.summed)
    moving = (v for v in (*d.rows, *d.summed) if d.left.stride(v))
    inner = min(moving, key=lambda v: (abs(d.left.stride(v)), -d.extents[v]), default="")
    group, others = (d.rows, d.summed) if inner in d.rows else (d.summed, d.rows)
    # A short run is copied faster along a longer axis, though strided.
    short = run_bytes(d.left, d, group) <= SHORT_RUN * c.dtype.itemsize
    longer = max((d.extents[v] for v in others), default=1) > SHORT_RUN
    summed_first = (inner in d.rows) != (short and longer)
    along = "rows" if rows >= summed or (rows >= LEAST_ROWS and not summed_first) else "summed"
    across = summed if along == "rows" else rows
    if copied:
        each = max(BLOCK // max(1, d.volume(d.batch) * across), LEAST_ROWS)
    else:
        each = max(PIECE // max(1, d.volume(d.batch, d.columns) * across), LEAST_ROWS)
    names = d.rows if along == "rows" else d.summed
    blocks = box_blocks(names, d.extents, each if along == "rows" else min(each, LONGEST_SUM))
    return Blocked(swap, copied, fixed, summed_first, along, blocks)


def _is_matrix(side: Side, first: Sequence[str], second: Sequence[str], c: Contraction) -> bool:
    """Whether BLAS can read an array as it is, as a matrix with these groups of axes."""
    if not is_inside(side, c.box) or merged(side, c.batch, c.extents) is None:
        return False
    one, two = merged(side, first, c.extents), merged(side, second, c.extents)
    if one is None or two is None:
        return False
    size, rows, columns = c.dtype.itemsize, c.volume(first), c.volume(second)
    by_rows = (two == size or columns == 1) and one % size == 0 and (rows == 1 or one >= size * columns)
    by_columns = (one == size or rows == 1) and two % size == 0 and (columns == 1 or two >= size * rows)
    return by_rows or by_columns
