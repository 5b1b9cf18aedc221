"""Contractions by slices."""

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...arguments.arrays import Array
from ...arithmetic.ranges import BLOCK, box_blocks
from ...machine.configuration import Settings
from ...machine.memory import scratch_memory
from ...machine.threads import in_threads, thread_count
from ..contraction import Contraction, Side
from ..costs import CACHE_RATE, CALL, Cost
from ..views import view_of

MANY_TAPS = 128
"""Taps that are looped over in Python."""

RUN = 5e-9
"""Seconds of a run of elements besides those of its elements."""


class Taps(NamedTuple):
    """How to add up products of slices, for what leaves a matrix product nothing to do.

    Attributes:
        swap: whether the factors change roles: the first is the larger one.
        taps: the indices that are looped over.
        inside: the summed indices that are not.
        blocks: the ranges of the outermost axis of the result or, where that has none, of the sums.
    """

    swap: bool
    taps: tuple[str, ...]
    inside: tuple[str, ...]
    blocks: tuple[Any, ...]


def taps_plan(c: Contraction) -> Taps | None:
    """None for what a matrix product does better: both factors have an index that the other one lacks."""
    if c.rows and c.columns:
        return None
    swap = bool(c.columns) or (not c.rows and c.right.strides > c.left.strides)
    d = c.swapped() if swap else c
    taps: tuple[str, ...]
    inside: tuple[str, ...]
    if c.volume(c.summed) <= MANY_TAPS:
        taps, inside = d.summed, ()
        names = d.out.names
        each = BLOCK // 4 // max(1, d.volume(names[1:]))
        blocks = box_blocks(names[:1], d.extents, each) if names else ((),)
    else:
        taps, inside = d.rows if d.volume(d.rows) <= MANY_TAPS else (), d.summed
        if d.rows and not taps:
            return None
        each = BLOCK // 4 // max(1, d.volume(d.batch))
        blocks = box_blocks(inside, d.extents, each)
    return Taps(swap, taps, inside, blocks)


def taps_cost(c: Contraction, plan: Taps, wanted: Settings) -> Cost:
    """Those of passing over slices, tap by tap."""
    size = c.dtype.itemsize
    d = c.swapped() if plan.swap else c
    vector = d.volume(plan.inside or d.out.names[-2:])
    seconds = 2 * c.products * (size / CACHE_RATE + RUN / vector)
    seconds += 2 * CALL * len(plan.blocks) * c.volume(plan.taps)
    return Cost(seconds, 2 * c.products, 3 * c.products * size, BLOCK // 4 * size)


def run_taps(
    c: Contraction, plan: Taps, left: Array, right: Array, out: Array, seconds: float, add: bool = False
) -> None:
    """Products of slices, added up tap by tap while a block of the result stays in cache."""
    d, (large, small) = (c.swapped(), (right, left)) if plan.swap else (c, (left, right))
    target = view_of(out, d.out, d.out.names, d.box)
    if plan.inside:
        _run_inner_sums(d, plan, large, small, target, seconds)
        return
    names = d.out.names
    first = names[0] if names else ""

    def blocks_(start: int, stop: int) -> None:
        for number in range(start, stop):
            box = d.box | dict(plan.blocks[number])
            sums = target[slice(*box[first]), ...] if names else target
            product_ = scratch_memory("product", sums.size, sums.dtype).reshape(sums.shape)
            a, b = (
                _aligned(
                    view_of(array, side, (*plan.taps, *_kept(side, names)), box, role), side, names, len(plan.taps)
                )
                for array, side, role in ((large, d.left, "padded"), (small, d.right, ""))
            )
            b = _widened(b, sums.shape)
            for count_, place in enumerate(product(*(range(d.extents[v]) for v in plan.taps))):
                if count_:
                    np.multiply(a[place], b[place], out=product_)
                    sums += product_
                else:
                    np.multiply(a[place], b[place], out=sums)

    in_threads(blocks_, len(plan.blocks), 1, seconds)


def _kept(side: Side, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(v for v in names if v in side.names)


def _aligned(view: Array, side: Side, names: Sequence[str], before: int) -> Array:
    """`view` with an axis of length 1 for every index of the result that it lacks, after its first `before` axes."""
    return view[(slice(None),) * before + tuple(slice(None) if v in side.names else None for v in names)]


def _widened(small: Array, shape_: tuple[int, ...]) -> Array:
    """A factor repeated along the last axis but one, so that products run over two axes as one."""
    if len(shape_) < 2 or small.shape[-2:] != (1, shape_[-1]) or small.size * shape_[-2] > BLOCK // 2:
        return small
    return np.ascontiguousarray(np.broadcast_to(small, (*small.shape[:-2], *shape_[-2:])))


def _run_inner_sums(d: Contraction, plan: Taps, large: Array, small: Array, target: Array, seconds: float) -> None:
    """Per tap the sum of a product of slices over long axes, block by block."""
    sums: dict[int, Array] = {}

    def blocks_(start: int, stop: int) -> None:
        total: Array | None = None
        for number in range(start, stop):
            box = d.box | dict(plan.blocks[number])
            a = view_of(large, d.left, (*plan.taps, *plan.inside, *d.batch), box, "padded")
            b = view_of(small, d.right, (*plan.inside, *d.batch), box)
            extents = tuple(box[v][1] - box[v][0] for v in plan.inside)
            product_ = scratch_memory("product", b.size, b.dtype).reshape(b.shape)
            ones = np.ones(prod(extents), b.dtype)
            part = np.empty((d.volume(plan.taps), d.volume(d.batch)), b.dtype)
            for number_, place in enumerate(product(*(range(d.extents[v]) for v in plan.taps))):
                np.multiply(a[place], b, out=product_)
                np.matmul(ones, product_.reshape(len(ones), -1), out=part[number_])
            if total is None:
                total = part
            else:
                total += part
        if total is not None:
            sums[start] = total

    in_threads(blocks_, len(plan.blocks), -(-len(plan.blocks) // thread_count(seconds)), seconds)
    first_sum, *rest = (sums[start] for start in sorted(sums))
    for part in rest:
        first_sum += part
    order = (*plan.taps, *d.batch)
    sums_ = first_sum.reshape([d.extents[v] for v in order])
    target[...] = sums_.transpose([order.index(v) for v in d.out.names])
