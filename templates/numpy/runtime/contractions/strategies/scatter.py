"""Contractions into a window, one addition of slices per tap."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, product
from typing import Any, NamedTuple

from ...arguments.arrays import Array
from ...arithmetic.ranges import clip, span
from ...machine.configuration import Settings
from ...machine.memory import scratch_memory
from ...machine.threads import in_threads
from ..contraction import Contraction, packed_strides
from ..costs import CALL, Cost, copy_rate, gemm_rate
from ..gathering import bound_sums
from ..operands import Bound, Terms, contraction_of
from ..views import View, view
from .scattered import Scatter


def scatter_cost(c: Contraction, plan: Scatter, wanted: Settings) -> Cost:
    """Those of one matrix product, and of the additions."""
    size = c.dtype.itemsize
    products = c.volume(plan.taps, plan.vectors)
    rows = products // max(1, len(plan.blocks) * c.volume(c.columns))
    seconds = 2 * c.products / gemm_rate(rows, c.volume(c.columns), c.volume(c.summed), c.dtype)
    run = size * c.extents[plan.vectors[-1]] if plan.vectors else size
    seconds += 3 * products * size / copy_rate(run) + CALL * 4 * len(plan.blocks) * c.volume(plan.taps)
    scratch = products * size // max(1, len(plan.blocks) * len(plan.inner))
    return Cost(seconds, 2 * c.products + products, 4 * products * size, scratch)


class _Slice(NamedTuple):
    """The products of a tap, with axes in the order of the result, and the part of that which they are added to."""

    of: tuple[int | slice, ...]
    to: tuple[slice, ...]


class _Step(NamedTuple):
    """What is computed at a time.

    Attributes:
        add: whether the products are added.
        left: the part of the first factor's view.
        right: that of the second one's.
        multiply: their products.
        extents: of these.
        at: the part of the result.
        box: the ranges of all indices.
        block: those of the part.
    """

    add: bool
    left: tuple[slice, ...]
    right: tuple[slice, ...]
    multiply: Bound
    extents: tuple[int, ...]
    at: tuple[slice, ...]
    box: dict[str, tuple[int, int]]
    block: dict[str, tuple[int, int]]


Box = dict[str, tuple[int, int]]
Add = Callable[[_Step, Array, Array], None]
"""Adds products to the part of the result that they belong to: step, products, part."""


def bind_scatter(c: Contraction, plan: Scatter, terms: Terms) -> Bound:
    """One product of what the result does not see, then an addition of slices per tap."""
    factors = tuple(view(side, side.names, c.box, c.dtype.itemsize) for side in (c.left, c.right))
    order = (*plan.taps, *plan.vectors)
    blocks = tuple(
        tuple(
            _step(c, factors, order, terms._replace(add=terms.add or k > 0), dict(block), dict(inner))
            for k, inner in enumerate(plan.inner)
        )
        for block in plan.blocks
    )
    add = (_in_planes if plan.planes else _in_place)(c, plan, order)

    def run(left: Array, right: Array, out: Array) -> None:
        a, b = factors[0].of(left), factors[1].of(right)

        def several(start: int, stop: int) -> None:
            for step in chain.from_iterable(blocks[start:stop]):
                products = scratch_memory("scattered", step.extents, c.dtype)
                step.multiply(a[step.left], b[step.right], products)
                add(step, products, out[step.at])

        in_threads(several, len(blocks), 1, terms.seconds)

    return run


def _step(c: Contraction, factors: Sequence[View], order: Sequence[str], terms: Terms, block: Box, inner: Box) -> _Step:
    box = c.box | block | inner
    parts = [tuple(slice(*box[v]) for v in side.names) for side in (c.left, c.right)]
    extents = tuple(box[v][1] - box[v][0] for v in order)
    shapes = [tuple(s.stop - s.start for s in part) for part in parts]
    keys = [(shape_, seen.strides, None) for shape_, seen in zip(shapes, factors, strict=True)]
    spec = f"{' '.join(c.left.names)}, {' '.join(c.right.names)} -> {' '.join(order)}"
    products = contraction_of(spec, c.dtype, *keys, (extents, packed_strides(extents, c.dtype.itemsize), None))
    multiply = bound_sums(products, terms.settings)
    at = tuple(slice(*box[moves[0][0]]) if moves and moves[0][0] in block else slice(None) for moves in c.out.steps)
    return _Step(terms.add, parts[0], parts[1], multiply, extents, at, box, block)


def _in_place(c: Contraction, plan: Scatter, order: Sequence[str]) -> Add:
    """Products are added by slices of the result."""
    add_slices = _sliced(c, plan, order)

    def add(step: _Step, products: Array, target: Array) -> None:
        if not step.add:
            target[...] = 0
        add_slices(step, products, target)

    return add


def _in_planes(c: Contraction, plan: Scatter, order: Sequence[str]) -> Add:
    """Products are added by slices of an array whose last axis is a long one."""
    add_slices = _sliced(c, plan, order)
    axes = [plan.planes.index(axis) for axis in range(len(plan.planes))]

    def add(step: _Step, products: Array, target: Array) -> None:
        sums = scratch_memory("planes", tuple(target.shape[axis] for axis in plan.planes), c.dtype)
        sums.fill(0)
        back = sums.transpose(axes)
        add_slices(step, products, back)
        if step.add:
            target += back
        else:
            target[...] = back

    return add


def _sliced(c: Contraction, plan: Scatter, order: Sequence[str]) -> Callable[[_Step, Array, Array], None]:
    """What adds the products of every tap to the positions that they belong to."""
    own = tuple(v for v in c.out.names if v in plan.vectors)
    axes = [order.index(v) for v in (*plan.taps, *own)]
    known: dict[Any, tuple[_Slice, ...]] = {}  # blocks of the same extents have the same

    def add(step: _Step, products: Array, target: Array) -> None:
        turned = products.transpose(axes)
        key = step.extents, target.shape, *(step.box[v] for v in own if v not in step.block)
        slices = known.get(key)
        if slices is None:
            slices = known[key] = tuple(_slices(c, plan, own, step, target.shape))
        for of, to in slices:
            part = target[to]
            part += turned[of].reshape(part.shape)

    return add


def _slices(c: Contraction, plan: Scatter, own: Sequence[str], step: _Step, sizes: Sequence[int]) -> Iterator[_Slice]:
    """Per tap the products that lie inside of a part of the result, and where."""
    for place in product(*(range(c.extents[v]) for v in plan.taps)):
        at = dict(zip(plan.taps, place, strict=True))
        to: list[slice] = []
        ranges: dict[str, slice] = {}
        for (offset, moves), size in zip(zip(c.out.offsets, c.out.steps, strict=True), sizes, strict=True):
            base = offset + sum(n * at[v] for v, n in moves if v in at)
            v, n = next(((v, n) for v, n in moves if v not in at), ("", 1))
            low, high = step.box.get(v, (0, 1))
            base += n * low if v and v not in step.block else 0
            inside = clip(high - low, (n, base, size))
            to.append(span(n, base, *inside))
            ranges[v] = slice(*inside)
        if all(len(range(size)[part]) for part, size in zip(to, sizes, strict=True)):
            yield _Slice((*place, *(ranges[v] for v in own)), tuple(to))
