"""Contractions plane by plane, compiled."""

from typing import Any

import numpy as np

from ...arguments.arrays import Array
from ...machine.configuration import Settings
from ...machine.threads import in_threads, thread_count
from ..contraction import Contraction
from ..costs import CALL, Cost
from ..operands import Bound, Terms
from ..places import memory_of
from ..views import view
from .planar_loops import on_planes, planar_dots, planar_sums
from .planes import Planar

PLANAR_RATE = 2.4e11
"""Bytes of the elements that are multiplied and added per second."""

PACK = 4e-10
"""Seconds to copy an element into a plane, or out of it."""

SLICE = 4e-9
"""Seconds of a slice besides those of its elements."""


def planar_cost(c: Contraction, plan: Planar, wanted: Settings) -> Cost:
    """Those of the products, also between the rows of a plane, and of copying planes."""
    d, size = plan.slides.contraction, c.dtype.itemsize
    _, columns, down, right = plan.shape
    inner, taps, outputs = d.volume(plan.slides.inner), d.volume(plan.slides.taps), d.volume(d.columns)
    row, pairs = columns + right, 2 * -(-outputs // 2)
    products = plan.number * plan.band * row * inner * taps * pairs
    copied = plan.number * ((plan.band + down) * row * inner + plan.band * columns * outputs)
    seconds = 2 * products * size / PLANAR_RATE + copied * PACK + plan.number * inner * taps * pairs * SLICE
    seconds += 10 * CALL
    scratch = size * row * ((plan.band + down) * inner + plan.band * (outputs if plan.slides.adjoint else 2))
    direct = not plan.slides.adjoint  # between the rows of a plane there are products with 0
    return Cost(seconds, 2 * products, size * copied, scratch, direct=direct)


def bind_planar(c: Contraction, plan: Planar, terms: Terms) -> Bound:
    """Sums of planes that are moved by the taps, or for an adjoint their products with other planes."""
    slides, d = plan.slides, plan.slides.contraction
    names = (*d.columns, *slides.inner, *slides.taps)
    flips: tuple[Any, ...] = (..., *(slice(None, None, -1 if a.flipped else 1) for a in slides.axes))
    kernels = view(d.out if slides.adjoint else d.right, names, d.box, d.dtype.itemsize)
    compute = _dots if slides.adjoint else _planes

    def run(left: Array, right: Array, out: Array) -> None:
        moving, other = (right, left) if slides.swapped else (left, right)
        step = -(-plan.number // thread_count(terms.seconds))
        compute(plan, moving, other, out, kernels.of(out if slides.adjoint else other)[flips], step, terms.seconds)

    return run


def _planes(plan: Planar, moving: Array, other: Array, out: Array, kernels: Array, step: int, seconds: float) -> None:
    """Sums of planes of `moving`."""
    kernel = np.ascontiguousarray(kernels).reshape(-1, plan.offsets.size)
    x, y = (memory_of(moving), *plan.moving), (memory_of(out), *plan.other)

    def sums(start: int, stop: int) -> None:
        on_planes(planar_sums)(start, stop, x, y, plan.shape, plan.band, plan.offsets, kernel)

    in_threads(sums, plan.number, step, seconds)


def _dots(plan: Planar, moving: Array, other: Array, out: Array, kernels: Array, step: int, seconds: float) -> None:
    """Products of planes of both factors, added up."""
    d = plan.slides.contraction
    x, z = (memory_of(moving), *plan.moving), (memory_of(other), *plan.other)
    parts: dict[int, Array] = {}

    def dots(start: int, stop: int) -> None:
        parts[start] = np.zeros((d.volume(d.columns) + 1, plan.offsets.size), d.dtype)  # columns come in pairs
        on_planes(planar_dots)(start, stop, x, z, plan.shape, plan.band, plan.offsets, parts[start])

    in_threads(dots, plan.number, step, seconds)
    first, *rest = (parts[start] for start in sorted(parts))
    for part in rest:
        first += part
    kernels[...] = first[:-1].reshape(kernels.shape)
