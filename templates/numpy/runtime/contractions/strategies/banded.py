"""Contractions by banded matrices."""

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...arguments.arrays import Array
from ...machine.configuration import Settings
from ..contraction import Contraction, Side, classified, without_ones, without_single
from ..costs import CALL, COPY_RATE, Cost
from ..operands import Bound, Terms
from ..sliding import Slides, sliding_windows
from ..views import view
from .matrices import Blocked, blocked_plan
from .matrix import bind_blocked, blocked_cost

BANDS = 2, 4, 8
"""Neighbouring results that are computed at once by a banded matrix."""

NARROW = 128
"""Columns up to which that is considered."""


class Banded(NamedTuple):
    """How to compute neighbouring results at once: their windows overlap, and the kernel becomes a banded matrix.

    Attributes:
        slides: the windows, along one axis.
        results: how many neighbours.
        main: the contraction with that matrix, whose axes are the positions read, the neighbours, and the others.
        blocked: how that is computed.
        rest: the contraction of the positions that are left over, and how it is computed; None where there are none.
    """

    slides: Slides
    results: int
    main: Contraction
    blocked: Blocked
    rest: tuple[Contraction, Blocked] | None


def banded_plan(c: Contraction) -> Banded | None:
    """The number of neighbours that is predicted to be fastest; None where no window slides, or columns are many."""
    plans = [
        _banded(slides, results)
        for slides in sliding_windows(c, 1)
        for results in BANDS
        if c.extents[slides.axes[0].position] >= 2 * results and slides.contraction.columns
        if slides.contraction.volume(slides.contraction.columns) <= NARROW
    ]
    return min(plans, key=lambda plan: banded_cost(c, plan, Settings()).seconds, default=None)


def _banded(slides: Slides, results: int) -> Banded:
    d, a = slides.contraction, slides.axes[0]
    tile, point, band = f"{a.position} tile", f"{a.position} point", f"{a.position} band"
    number, left_over = divmod(d.extents[a.position], results)
    width = a.step * (results - 1) + a.dilation * (d.extents[a.tap] - 1) + 1
    kept = {v: n for v, n in d.extents.items() if v not in (a.position, a.tap)}
    extents = kept | {tile: number, point: results, band: width}
    kernel = d.out if slides.adjoint else d.right
    names = tuple(w for v in kernel.names for w in ((point, v) if v == d.columns[0] else (band if v == a.tap else v,)))
    sizes = tuple(extents[v] for v in names)
    strides = tuple(d.dtype.itemsize * prod(sizes[k + 1 :]) for k in range(len(sizes)))
    matrix = Side(sizes, strides, (0,) * len(sizes), tuple(((v, 1),) for v in names))
    moves = (tile, a.step * results), (band, 1)
    left = d.left._replace(
        offsets=tuple(a.offset if axis == a.axis else n for axis, n in enumerate(d.left.offsets)),
        steps=tuple(moves if axis == a.axis else steps for axis, steps in enumerate(d.left.steps)),
    )
    tiled = _tiled(d.right if slides.adjoint else d.out, a.position, ((tile, results), (point, 1)))
    right, out = (tiled, matrix) if slides.adjoint else (matrix, tiled)
    left, right, out = (without_ones(side, extents) for side in (left, right, out))
    main = classified(left, right, out, without_single(extents), d.dtype, True)
    rest = _left_over(slides, number * results, left_over) if left_over else None
    return Banded(slides, results, main, blocked_plan(main), (rest, blocked_plan(rest)) if rest else None)


def _tiled(side: Side, index: str, by: tuple[tuple[str, int], ...]) -> Side:
    """An array's positions where an index is counted by others."""
    steps = (
        tuple(part for v, step in moves for part in ([(w, step * s) for w, s in by] if v == index else [(v, step)]))
        for moves in side.steps
    )
    return side._replace(steps=tuple(steps))


def _left_over(slides: Slides, start: int, number: int) -> Contraction:
    """The contraction at the last positions only."""
    d, index = slides.contraction, slides.axes[0].position
    extents = dict(d.extents) | {index: number}
    sides = []
    for side in (d.left, d.right, d.out):
        shifts = (sum(s * start for v, s in moves if v == index) for moves in side.steps)
        moved = side._replace(offsets=tuple(n + shift for n, shift in zip(side.offsets, shifts, strict=True)))
        sides.append(without_ones(moved, extents))
    left, right, out = sides
    return classified(left, right, out, without_single(extents), d.dtype, True)


def banded_cost(c: Contraction, plan: Banded, wanted: Settings) -> Cost:
    """Those of the matrix products, and of filling the matrix."""
    main = blocked_cost(plan.main, plan.blocked, wanted)
    rest = blocked_cost(*plan.rest, wanted) if plan.rest else Cost(0, 0, 0, 0)
    side = plan.main.out if plan.slides.adjoint else plan.main.right
    matrix = prod(side.sizes) * c.dtype.itemsize
    fills = CALL * 2 * plan.results * c.extents[plan.slides.axes[0].tap] + matrix / COPY_RATE
    return Cost(
        main.seconds + rest.seconds + fills,
        main.flops + rest.flops,
        main.bytes + rest.bytes + matrix,
        max(main.scratch, rest.scratch) + matrix,
        direct=False,  # what is not in a window is multiplied by 0
    )


def bind_banded(c: Contraction, plan: Banded, terms: Terms) -> Bound:
    """Neighbouring results at once by matrix products with a banded matrix, or with its adjoint."""
    slides, d = plan.slides, plan.slides.contraction
    tap = slides.axes[0].tap
    side = d.out if slides.adjoint else d.right
    kernels = view(side, (tap, *(v for v in side.names if v != tap)), d.box, d.dtype.itemsize)
    band = tuple(_band(plan))
    main = bind_blocked(plan.main, plan.blocked, terms)
    rest = bind_blocked(*plan.rest, terms) if plan.rest else None

    def products(moving: Array, other: Array, out: Array) -> None:
        matrix = np.zeros(plan.main.right.sizes, d.dtype)
        kernel, banded = kernels.of(other), _band_first(plan, side, matrix)
        for at, number in band:
            banded[at] = kernel[number]
        main(moving, matrix, out)
        if rest is not None:
            rest(moving, other, out)

    def adjoint(moving: Array, other: Array, out: Array) -> None:
        matrix = np.empty(plan.main.out.sizes, d.dtype)
        main(moving, other, matrix)
        kernel, banded = kernels.of(out), _band_first(plan, side, matrix)
        if rest is not None:
            rest(moving, other, out)
        else:
            kernel[...] = 0
        for at, number in band:
            kernel[number] += banded[at]

    compute = adjoint if slides.adjoint else products

    def run(left: Array, right: Array, out: Array) -> None:
        compute(*((right, left) if slides.swapped else (left, right)), out)

    return run


def _band_first(plan: Banded, side: Side, matrix: Array) -> Array:
    """The matrix with the position read as its first axis and the neighbour as the second."""
    d = plan.slides.contraction
    tap, column = side.names.index(plan.slides.axes[0].tap), side.names.index(d.columns[0])
    return np.moveaxis(matrix, (tap + (tap > column), column), (0, 1))


def _band(plan: Banded) -> Iterator[tuple[tuple[Any, ...], int]]:
    """Where the matrix has which tap."""
    d, a = plan.slides.contraction, plan.slides.axes[0]
    taps = d.extents[a.tap]
    for point, tap in product(range(plan.results), range(taps)):
        yield (a.step * point + a.dilation * tap, point), taps - 1 - tap if a.flipped else tap
