"""Contractions by matrix products."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...arguments.arrays import Array
from ...arithmetic.ranges import BLOCK
from ...machine.configuration import Settings
from ...machine.memory import scratch_memory
from ...machine.threads import in_threads, thread_count
from ..contraction import Contraction, Side, packed_side, run_bytes
from ..costs import CACHE_RATE, CALL, Cost, copy_rate, gemm_rate
from ..operands import Bound, Terms
from ..views import View, view
from .matrices import Blocked

FEW_RESULTS = 1 << 12
"""Elements of a product up to which to begin takes longer than to fill it with zeros."""

MATRIX = 3e-7
"""Seconds of each product of a stack besides those of its operations."""


def blocked_cost(c: Contraction, plan: Blocked, wanted: Settings) -> Cost:
    """Those of the products, and of copying what is no matrix in memory."""
    d = c.swapped() if plan.swap else c
    rows, columns, summed, batch = (d.volume(group) for group in (d.rows, d.columns, d.summed, d.batch))
    size = d.dtype.itemsize
    if plan.along == "rows":  # what BLAS sees
        shape_ = rows // len(plan.blocks), columns, summed
    else:
        shape_ = rows, columns, summed // len(plan.blocks)
    moved = batch * rows * summed * size if plan.copied else 0
    runs = run_bytes(d.left, d, d.left.names) if plan.copied else 0
    seconds = 2 * d.products / gemm_rate(*shape_, d.dtype) + (moved / copy_rate(runs) if moved else 0)
    seconds += batch * summed * (rows + columns) * size / CACHE_RATE  # BLAS packs both
    seconds += len(plan.blocks) * (CALL * (2 + 2 * plan.copied) + MATRIX * batch)
    scratch = min(moved, 2 * BLOCK * size) + (batch * summed * columns * size if plan.fixed else 0)
    return Cost(seconds, 2 * d.products, 2 * moved + size * batch * (rows * columns + summed * columns), scratch)


class _Block(NamedTuple):
    """A block as matrices, or as stacks of them: how both factors are read, and where the product is written."""

    moving: Callable[[Array], Array]
    other: Callable[[Array], Array]
    out: View
    matrix: View | None

    def multiply(self, moving: Array, other: Array, out: Array) -> None:
        """Write the product; to memory that BLAS cannot write to by a copy."""
        if self.matrix is not None:
            np.matmul(self.moving(moving), self.other(other), out=self.matrix.of(out))
        else:
            self.out.of(out)[...] = np.matmul(self.moving(moving), self.other(other)).reshape(self.out.extents)


def bind_blocked(c: Contraction, plan: Blocked, terms: Terms) -> Bound:
    """Matrix products of blocks; what is no matrix in memory is copied into a buffer that stays in cache."""
    d = c.swapped() if plan.swap else c
    names = *d.batch, *d.summed, *d.columns
    copied = view(d.right, names, d.box, d.dtype.itemsize) if plan.fixed else None
    fixed = packed_side(names, d.extents, d.dtype.itemsize) if plan.fixed else d.right
    blocks = tuple(_block(d, plan, fixed, d.box | dict(ranges)) for ranges in plan.blocks)
    if len(blocks) == 1 and copied is None and blocks[0].matrix is not None:
        return _product(blocks[0], blocks[0].matrix, plan.swap)
    compute = _in_turn if len(blocks) == 1 or plan.along == "rows" else _summed

    def run(left: Array, right: Array, out: Array) -> None:
        moving, other = (right, left) if plan.swap else (left, right)
        if copied is not None:
            other = np.ascontiguousarray(copied.of(other))
        compute(blocks, moving, other, out, terms.seconds)

    return run


def _product(block: _Block, matrix: View, swap: bool) -> Bound:
    """What computes one matrix product.

    `np.dot` takes half as long to begin, but writes to whole matrices only and fills them with zeros before.
    """
    moving, other, result = block.moving, block.other, matrix.reader()
    small = matrix.whole and len(matrix.extents) == 2 and prod(matrix.extents) <= FEW_RESULTS
    multiply: Callable[..., Any] = np.dot if small else np.matmul

    def product(left: Array, right: Array, out: Array) -> None:
        multiply(moving(left), other(right), out=result(out))

    def swapped(left: Array, right: Array, out: Array) -> None:
        multiply(moving(right), other(left), out=result(out))

    return swapped if swap else product


def _block(d: Contraction, plan: Blocked, fixed: Side, box: Mapping[str, tuple[int, int]]) -> _Block:
    size = d.dtype.itemsize
    stack = (d.volume(d.batch),) if d.volume(d.batch) > 1 else ()
    rows, summed, columns = (prod(box[v][1] - box[v][0] for v in group) for group in (d.rows, d.summed, d.columns))
    first, second = (d.summed, d.rows) if plan.summed_first else (d.rows, d.summed)
    shape_ = (*stack, summed, rows) if plan.summed_first else (*stack, rows, summed)
    moving = view(d.left, (*d.batch, *first, *second), box, size, "padded")
    other = view(fixed, (*d.batch, *d.summed, *d.columns), box, size)
    out = view(d.out, (*d.batch, *d.rows, *d.columns), box, size)
    return _Block(
        _columns(moving, shape_, plan.summed_first) if plan.copied else _matrices(moving, shape_, plan.summed_first),
        _matrices(other, (*stack, summed, columns), False),
        out, _written(out, (*stack, rows, columns), plan.along == "rows"),
    )  # fmt: skip


def _matrices(seen: View, shape_: tuple[int, ...], turned: bool) -> Callable[[Array], Array]:
    """Reads an array as matrices, which may have to be transposed for that."""
    shaped = seen.shaped(shape_)
    if shaped is None:
        return lambda array: seen.of(array).reshape(shape_).mT if turned else seen.of(array).reshape(shape_)
    read = shaped.reader()
    return (lambda array: read(array).mT) if turned else read


def _columns(seen: View, shape_: tuple[int, ...], turned: bool) -> Callable[[Array], Array]:
    """Reads an array as matrices that are copied."""
    of, extents = seen.reader(), seen.extents

    def read(array: Array) -> Array:
        buffer = scratch_memory("columns", extents, array.dtype)
        buffer[...] = of(array)
        matrices = buffer.reshape(shape_)
        return matrices.mT if turned else matrices

    return read


def _written(seen: View, shape_: tuple[int, ...], turned: bool) -> View | None:
    """A result as matrices that BLAS writes to, column by column only if they may be `turned`; None for a copy."""
    shaped = seen.shaped(shape_)
    if shaped is None:
        return None
    size, (rows, columns), (row, column) = seen.itemsize, shape_[-2:], shaped.strides[-2:]
    by_rows = (column == size or columns == 1) and row % size == 0 and row >= size * columns
    by_columns = turned and (row == size or rows == 1) and column % size == 0 and column >= size * rows
    return shaped if by_rows or by_columns else None


def _in_turn(blocks: Sequence[_Block], moving: Array, other: Array, out: Array, seconds: float) -> None:
    """Every block is a part of the result."""
    if len(blocks) == 1:
        blocks[0].multiply(moving, other, out)
        return

    def products(start: int, stop: int) -> None:
        for block in blocks[start:stop]:
            block.multiply(moving, other, out)

    in_threads(products, len(blocks), 1, seconds)


def _summed(blocks: Sequence[_Block], moving: Array, other: Array, out: Array, seconds: float) -> None:
    """Every block is a summand of the result."""
    sums: dict[int, Array] = {}

    def products(start: int, stop: int) -> None:
        total = np.matmul(blocks[start].moving(moving), blocks[start].other(other))
        for block in blocks[start + 1 : stop]:
            term = scratch_memory("product", total.shape, total.dtype)
            np.matmul(block.moving(moving), block.other(other), out=term)
            total += term
        sums[start] = total

    in_threads(products, len(blocks), -(-len(blocks) // thread_count(seconds)), seconds)
    first, *rest = (sums[start] for start in sorted(sums))
    for part in rest:
        first += part
    target = blocks[0].out.of(out)
    target[...] = first.reshape(target.shape)
