"""Contractions by slices."""

from collections.abc import Callable, Mapping, Sequence
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
from ..operands import Bound, Terms
from ..views import View, view

MANY_TAPS = 128
"""Taps that are looped over in Python."""

RUN = 5e-9
"""Seconds of a run of elements besides those of its elements."""

WORTH_WIDENING = 1 << 9
"""Rows of elements, over all taps, from which on it pays to repeat the smaller factor."""

Places = Sequence[tuple[int, ...]]
Compute = Callable[[Array, Array, Array], None]


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


class _Block(NamedTuple):
    """A block of the result: how it and both factors are read, taps first, axes of the result at their places."""

    large: View
    small: View
    out: View


def bind_taps(c: Contraction, plan: Taps, terms: Terms) -> Bound:
    """Products of slices, added up tap by tap while a block of the result stays in cache."""
    d = c.swapped() if plan.swap else c
    places = tuple(product(*(range(d.extents[v]) for v in plan.taps)))
    compute = (_inner_sums if plan.inside else _slices)(d, plan, places, terms.seconds)

    def run(left: Array, right: Array, out: Array) -> None:
        compute(*((right, left) if plan.swap else (left, right)), out)

    return run


def _slices(d: Contraction, plan: Taps, places: Places, seconds: float) -> Compute:
    """Block by block a product of slices per tap."""
    names, size = d.out.names, d.dtype.itemsize

    def made(box: Mapping[str, tuple[int, int]]) -> _Block:
        large, small = (
            view(side, (*plan.taps, *(v for v in names if v in side.names)), box, size, role)
            for side, role in ((d.left, "padded"), (d.right, ""))
        )
        return _Block(large, small, view(d.out, names, box, size))

    blocks = tuple(made(d.box | dict(ranges)) for ranges in plan.blocks)
    large_axes, small_axes = (_aligned(side, names, len(plan.taps)) for side in (d.left, d.right))

    def compute(large: Array, small: Array, out: Array) -> None:
        def several(start: int, stop: int) -> None:
            for block in blocks[start:stop]:
                sums = block.out.of(out)
                a, b = block.large.of(large)[large_axes], block.small.of(small)[small_axes]
                if sums.ndim and sums.size * len(places) > WORTH_WIDENING * sums.shape[-1]:
                    b = _widened(b, sums.shape)
                np.multiply(a[places[0]], b[places[0]], out=sums)
                if len(places) == 1:
                    continue
                product_ = scratch_memory("product", sums.shape, sums.dtype)
                for place in places[1:]:
                    np.multiply(a[place], b[place], out=product_)
                    sums += product_

        in_threads(several, len(blocks), 1, seconds)

    return compute


def _aligned(side: Side, names: Sequence[str], before: int) -> tuple[Any, ...]:
    """The subscript that gives a view an axis of length 1 for every index of the result that it lacks."""
    return (slice(None),) * before + tuple(slice(None) if v in side.names else None for v in names)


def _widened(small: Array, shape_: tuple[int, ...]) -> Array:
    """A factor repeated along the last axis but one, so that products run over two axes as one."""
    if len(shape_) < 2 or small.shape[-2:] != (1, shape_[-1]) or small.size * shape_[-2] > BLOCK // 2:
        return small
    return np.ascontiguousarray(np.broadcast_to(small, (*small.shape[:-2], *shape_[-2:])))


def _inner_sums(d: Contraction, plan: Taps, places: Places, seconds: float) -> Compute:
    """Per tap the sum of a product of slices over long axes, block by block."""
    size = d.dtype.itemsize
    boxes = [d.box | dict(ranges) for ranges in plan.blocks]
    views = tuple(
        (
            view(d.left, (*plan.taps, *plan.inside, *d.batch), box, size, "padded"),
            view(d.right, (*plan.inside, *d.batch), box, size),
            prod(box[v][1] - box[v][0] for v in plan.inside),
        )
        for box in boxes
    )
    target = view(d.out, d.out.names, d.box, size)
    order = (*plan.taps, *d.batch)
    extents, axes = [d.extents[v] for v in order], [order.index(v) for v in d.out.names]

    def compute(large: Array, small: Array, out: Array) -> None:
        sums: dict[int, Array] = {}

        def several(start: int, stop: int) -> None:
            total: Array | None = None
            for seen, seen_small, length in views[start:stop]:
                a, b = seen.of(large), seen_small.of(small)
                product_ = scratch_memory("product", b.shape, b.dtype)
                ones = np.ones(length, b.dtype)
                part = np.empty((len(places), b.size // length), b.dtype)
                for place, row in zip(places, part, strict=True):
                    np.multiply(a[place], b, out=product_)
                    np.matmul(ones, product_.reshape(length, -1), out=row)
                if total is None:
                    total = part
                else:
                    total += part
            if total is not None:
                sums[start] = total

        in_threads(several, len(views), -(-len(views) // thread_count(seconds)), seconds)
        first, *rest = (sums[start] for start in sorted(sums))
        for part in rest:
            first += part
        target.of(out)[...] = first.reshape(extents).transpose(axes)

    return compute
