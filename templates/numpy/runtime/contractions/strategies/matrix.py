"""Contractions by matrix products."""

from math import prod
from typing import Any

import numpy as np

from ...arguments.arrays import Array
from ...arithmetic.ranges import BLOCK
from ...machine.configuration import Settings
from ...machine.memory import scratch_memory
from ...machine.threads import in_threads, thread_count
from ..contraction import Contraction, run_bytes
from ..costs import CALL, Cost, copy_rate, gemm_rate
from ..views import view_of
from .matrices import Blocked

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
    seconds += len(plan.blocks) * (CALL * (2 + 2 * plan.copied) + MATRIX * batch)
    scratch = min(moved, 2 * BLOCK * size) + (batch * summed * columns * size if plan.fixed else 0)
    return Cost(seconds, 2 * d.products, 2 * moved + size * batch * (rows * columns + summed * columns), scratch)


def run_blocked(
    c: Contraction, plan: Blocked, left: Array, right: Array, out: Array, seconds: float, add: bool = False
) -> None:
    """Matrix products of blocks; what is no matrix in memory is copied into a buffer that stays in cache."""
    if plan.matrices is not None:
        one, two, result = (
            array.reshape(shape_).T if turned else array.reshape(shape_)
            for array, (shape_, turned) in zip((left, right, out), plan.matrices, strict=True)
        )
        np.matmul(one, two, out=result)
        return
    d, (moving, other) = (c.swapped(), (right, left)) if plan.swap else (c, (left, right))
    groups = len(d.batch), d.volume(d.batch)
    fixed = view_of(other, d.right, (*d.batch, *d.summed, *d.columns), d.box)
    if plan.fixed:
        fixed = np.ascontiguousarray(fixed)
    target = view_of(out, d.out, (*d.batch, *d.rows, *d.columns), d.box)
    first, second = (d.summed, d.rows) if plan.summed_first else (d.rows, d.summed)
    names = d.rows if plan.along == "rows" else d.summed
    dims = d.volume(d.rows), d.volume(d.summed), d.volume(d.columns)

    def block(number: int) -> tuple[Array, tuple[Any, ...]]:
        """The matrix of a block, transposed so that its rows are rows, and its place."""
        box = d.box | dict(plan.blocks[number])
        view = view_of(moving, d.left, (*d.batch, *first, *second), box, "padded")
        if plan.copied:
            buffer = scratch_memory("columns", view.size, view.dtype).reshape(view.shape)
            np.copyto(buffer, view)
            view = buffer
        length = prod(box[v][1] - box[v][0] for v in names)
        shape_ = (length, dims[1]) if plan.along == "rows" else (dims[0], length)
        matrix = view.reshape(groups[1], *(shape_[::-1] if plan.summed_first else shape_))
        place = tuple(slice(*box[v]) for v in names)
        return (matrix.transpose(0, 2, 1) if plan.summed_first else matrix), place

    whole = (slice(None),) * len(d.batch)
    if plan.along == "rows":
        b = fixed.reshape(groups[1], dims[1], dims[2])

        def rows(start: int, stop: int) -> None:
            for number in range(start, stop):
                a, place = block(number)
                _multiply(a, b, target[(*whole, *place, ...)], groups[0], len(d.rows))

        in_threads(rows, len(plan.blocks), 1, seconds)
        return
    sums: dict[int, Array] = {}

    def summed(start: int, stop: int) -> None:
        total: Array | None = None
        for number in range(start, stop):
            a, place = block(number)
            b = fixed[(*whole, *place, ...)].reshape(groups[1], -1, dims[2])
            if total is None:
                total = np.matmul(a, b)
            else:
                term = scratch_memory("product", total.size, total.dtype).reshape(total.shape)
                np.matmul(a, b, out=term)
                total += term
        if total is not None:
            sums[start] = total

    in_threads(summed, len(plan.blocks), -(-len(plan.blocks) // thread_count(seconds)), seconds)
    first_sum, *rest = (sums[start] for start in sorted(sums))
    for part in rest:
        first_sum += part
    target[...] = first_sum.reshape(target.shape)


def _multiply(a: Array, b: Array, c: Array, batch: int, rows: int) -> None:
    """``c = a @ b`` for stacks of matrices; `c` still has its own axes."""
    target = _matrix(c, batch, rows)
    if target is None:
        c[...] = np.matmul(a, b).reshape(c.shape)
    elif len(a) == 1:
        np.matmul(a[0], b[0], out=target[0])
    else:
        np.matmul(a, b, out=target)


def _matrix(operand: Array, batch: int, rows: int) -> Array | None:
    """`operand` as a stack of matrices without a copy, as BLAS writes them; None when that is impossible."""
    shape_ = operand.shape
    dims = (prod(shape_[:batch]), prod(shape_[batch : batch + rows]), prod(shape_[batch + rows :]))
    try:
        view = operand.reshape(dims, copy=False)
    except ValueError:
        return None
    size = view.itemsize
    row, column = view.strides[1:]
    by_rows = (column == size or dims[2] == 1) and row % size == 0 and row >= size * dims[2]
    by_columns = (row == size or dims[1] == 1) and column % size == 0 and column >= size * dims[1]
    return view if by_rows or by_columns else None
