"""Contractions into a window, one addition of slices per tap."""

from collections.abc import Mapping
from itertools import product
from math import prod
from typing import Any

from ...arguments.arrays import Array
from ...arithmetic.ranges import clip, span
from ...machine.compiled import compiles
from ...machine.configuration import Settings
from ...machine.memory import scratch_memory
from ...machine.threads import in_threads, thread_count
from ..contraction import Contraction
from ..costs import CALL, ROW_CALL, Cost, copy_rate, gemm_rate
from ..gathering import multiply
from ..views import view_of
from .scatter_loops import add_in_loops
from .scattered import Scatter

ADD_RATE = 8e9
"""Bytes per second that compiled loops add to windows."""


def scatter_cost(c: Contraction, plan: Scatter, wanted: Settings) -> Cost:
    """Those of one matrix product, and of the additions."""
    size = c.dtype.itemsize
    products = c.volume(plan.taps, plan.vectors)
    rows = products // max(1, len(plan.blocks) * c.volume(c.columns))
    seconds = 2 * c.products / gemm_rate(rows, c.volume(c.columns), c.volume(c.summed), c.dtype)
    run = size * c.extents[plan.vectors[-1]] if plan.vectors else size
    if wanted.backend == "compiled" and plan.windows:
        along = size * c.volume(plan.windows[1]) * c.extents[plan.taps[-1]]
        seconds += products * size * (1 / ADD_RATE + ROW_CALL / along)
    else:
        seconds += 3 * products * size / copy_rate(run) + CALL * 4 * len(plan.blocks) * c.volume(plan.taps)
    scratch = products * size // max(1, len(plan.blocks) * len(plan.inner))
    return Cost(seconds, 2 * c.products + products, 4 * products * size, scratch)


def run_scatter(
    c: Contraction, plan: Scatter, left: Array, right: Array, out: Array, seconds: float, add: bool
) -> None:
    """One product of what the result does not see, then an addition of slices per tap."""
    whole = {v: (0, n) for v, n in c.extents.items()}
    a, b = (view_of(array, side, side.names, whole) for array, side in ((left, c.left), (right, c.right)))
    tiles, runs = plan.windows if plan.windows and compiles(c.products) else ((), ())
    order = (*tiles, *plan.taps, *runs) if tiles else (*plan.taps, *plan.vectors)
    spec = f"{' '.join(c.left.names)}, {' '.join(c.right.names)} -> {' '.join(order)}"

    def one(number: int, inner: Any, add: bool) -> None:
        block = dict(plan.blocks[number])
        ranges = block | dict(inner)
        box = whole | ranges
        parts = [
            x[tuple(slice(*box[v]) for v in side.names)] if ranges else x for x, side in ((a, c.left), (b, c.right))
        ]
        extents = tuple(box[v][1] - box[v][0] for v in order)
        products = scratch_memory("scattered", prod(extents), c.dtype).reshape(extents)
        multiply(spec, parts[0], parts[1], products)
        at = tuple(slice(*box[moves[0][0]]) if moves and moves[0][0] in block else slice(None) for moves in c.out.steps)
        target = out[at]
        if tiles:
            if not add:
                target[...] = 0
            if add_in_loops(c, plan, products, out, box, seconds * products.size / c.volume(order)):
                return
            products = products.transpose([order.index(v) for v in (*plan.taps, *plan.vectors)])
        elif plan.planes:
            sums = scratch_memory("planes", target.size, c.dtype).reshape([target.shape[axis] for axis in plan.planes])
            sums.fill(0)
            back = sums.transpose([plan.planes.index(axis) for axis in range(target.ndim)])
            _add_slices(c, plan, products, back, box, block)
            if add:
                target += back
            else:
                target[...] = back
            return
        if not add:
            target[...] = 0
        _add_slices(c, plan, products, target, box, block)

    def several(start: int, stop: int) -> None:
        for number in range(start, stop):
            for k, inner in enumerate(plan.inner):
                one(number, inner, add or k > 0)

    if tiles and len(plan.blocks) < thread_count(seconds):  # what is done with a block is divided
        several(0, len(plan.blocks))
    else:
        in_threads(several, len(plan.blocks), 1, seconds)


def _add_slices(
    c: Contraction, plan: Scatter, products: Array, target: Array, box: Mapping[str, Any], block: Mapping[str, Any]
) -> None:
    """Add the products of every tap to the positions that they belong to, in a target that has those of a block."""
    own = tuple(v for v in c.out.names if v in plan.vectors)
    for place in product(*(range(c.extents[v]) for v in plan.taps)):
        at = dict(zip(plan.taps, place, strict=True))
        slices, ranges, empty = [], {}, False
        for axis, moves in enumerate(c.out.steps):
            base = c.out.offsets[axis] + sum(step * at[v] for v, step in moves if v in at)
            v, step = next(((v, s) for v, s in moves if v not in at), ("", 1))
            length = box[v][1] - box[v][0] if v else 1
            base += step * box[v][0] if v and v not in block else 0
            low, high = clip(length, (step, base, target.shape[axis]))
            slices.append(span(step, base, low, high))
            ranges[v] = slice(low, high)
            empty |= low >= high
        if empty:
            continue
        term = products[place]
        term = term.transpose([plan.vectors.index(v) for v in own])[tuple(ranges[v] for v in own)]
        part = target[tuple(slices)]
        part += term.reshape(part.shape)
