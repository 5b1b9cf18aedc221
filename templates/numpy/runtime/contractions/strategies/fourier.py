"""Contractions by Fourier transforms."""

from collections.abc import Mapping, Sequence
from math import log2, prod
from typing import Any, NamedTuple

import numpy as np

from ...arguments.arrays import Array
from ...arithmetic.ranges import box_blocks
from ...machine.configuration import Settings
from ...machine.threads import in_threads
from ..contraction import Contraction
from ..costs import CALL, COPY_RATE, Cost, full_rate
from ..operands import Bound, Terms
from ..sliding import Slides, sliding_windows
from ..views import view_of

SPECTRA = 1 << 18
"""Elements of the spectra of a block."""

FFT_RATE = 4.5e9
"""Floating-point operations per second of a transform."""

FFT_ERROR = 1e-6
"""Its error in float32, relative to the largest element."""


class Fourier(NamedTuple):
    """How to compute a contraction at frequencies, where the sum over many taps is one product.

    Attributes:
        slides: the windows; their steps are 1.
        lengths: elements read along every axis.
        sizes: those of the transforms, which are padded with zeros.
        groups: the ranges of the batch's indices, block by block, and for each those of the outer indices.
    """

    slides: Slides
    lengths: tuple[int, ...]
    sizes: tuple[int, ...]
    groups: tuple[tuple[Any, tuple[Any, ...]], ...]


def fourier_plan(c: Contraction) -> Fourier | None:
    """The transforms along all axes that windows slide along by steps of 1; None where there is no such axis."""
    for slides in sliding_windows(c, 2):
        axes = tuple(a for a in slides.axes if a.step == 1)
        if axes:
            return _fourier_blocks(slides._replace(axes=axes))
    return None


def _fourier_blocks(slides: Slides) -> Fourier:
    d = slides.contraction
    lengths = tuple(d.extents[a.position] + a.dilation * (d.extents[a.tap] - 1) for a in slides.axes)
    sizes = tuple(_smooth(n) for n in lengths)
    each = max(1, SPECTRA // (prod(sizes) * max(d.volume(slides.inner), d.volume(d.columns))))
    outer = box_blocks(slides.outer, d.extents, each)
    batch = box_blocks(d.batch, d.extents, max(1, each // d.volume(slides.outer)))
    return Fourier(slides, lengths, sizes, tuple((part, outer) for part in batch))


def _smooth(n: int) -> int:
    """The least length from `n` on without a prime factor above 5: its transform is fast."""
    while True:
        rest = n
        for p in (2, 3, 5):
            while rest % p == 0:
                rest //= p
        if rest == 1:
            return n
        n += 1


def fourier_cost(c: Contraction, plan: Fourier, wanted: Settings) -> Cost:
    """Those of the transforms, and of a product at every frequency."""
    slides, d = plan.slides, plan.slides.contraction
    batch, outer, inner, columns = (d.volume(v) for v in (d.batch, slides.outer, slides.inner, d.columns))
    points, size = prod(plan.sizes), d.dtype.itemsize
    images = batch * (outer * (inner + columns) + inner * columns)
    transforms = int(2.5 * points * log2(points + 1)) * images
    products = 4 * points * batch * outer * inner * columns  # complex, of half of the points
    seconds = transforms / FFT_RATE + products / (full_rate(np.float32) / 4) + images * points * size / (COPY_RATE / 4)
    seconds += 20 * CALL * sum(len(outer) for _, outer in plan.groups)
    batch_part, outer_part = -(-batch // len(plan.groups)), -(-outer // len(plan.groups[0][1]))
    scratch = 3 * size * points * batch_part * (outer_part * (inner + columns) + 2 * inner * columns)
    return Cost(seconds, transforms + products, 2 * images * points * size, scratch, FFT_ERROR, False)


def bind_fourier(c: Contraction, plan: Fourier, terms: Terms) -> Bound:
    """Products of spectra: a correlation is the product with a conjugate."""
    slides, d = plan.slides, plan.slides.contraction
    bands = tuple(f"{a.position} band" for a in slides.axes)
    offsets, steps = list(d.left.offsets), list(d.left.steps)
    for a, band in zip(slides.axes, bands, strict=True):
        offsets[a.axis], steps[a.axis] = a.offset, ((band, 1),)
    side = d.left._replace(offsets=tuple(offsets), steps=tuple(steps))
    long = {band: (0, n) for band, n in zip(bands, plan.lengths, strict=True)}
    axes = tuple(range(-len(bands), 0))
    kernel_names = (*d.batch, *slides.inner, *d.columns, *slides.taps)
    result_names = (*d.batch, *slides.outer, *d.columns, *slides.positions)
    flips: tuple[Any, ...] = (..., *(slice(None, None, -1 if a.flipped else 1) for a in slides.axes))
    taps: tuple[Any, ...] = (..., *(slice(0, a.dilation * (d.extents[a.tap] - 1) + 1, a.dilation) for a in slides.axes))
    results: tuple[Any, ...] = (..., *(slice(0, d.extents[a.position]) for a in slides.axes))

    def spectrum(values: Array) -> Array:
        """At every frequency, [batch, rows, columns] after the frequencies' axes."""
        found = np.fft.rfftn(values, plan.sizes, axes)
        return np.moveaxis(found, axes, range(len(axes)))

    def back(found: Array, shape_: tuple[int, ...]) -> Array:
        moved = np.moveaxis(found, range(len(axes)), axes)
        return np.fft.irfftn(moved, plan.sizes, axes).reshape(*shape_, *plan.sizes)

    def dilated(values: Array) -> Array:
        sizes = tuple(a.dilation * (d.extents[a.tap] - 1) + 1 for a in slides.axes)
        found = np.zeros((*values.shape[: -len(axes)], *sizes), values.dtype)
        found[taps] = values[flips]
        return found

    def run(left: Array, right: Array, out: Array) -> None:
        moving, other = (right, left) if slides.swapped else (left, right)

        def windows(box: Mapping[str, tuple[int, int]]) -> Array:
            view = view_of(moving, side, (*d.batch, *slides.outer, *slides.inner, *bands), box, "padded")
            return spectrum(view.reshape(-1, _points(box, slides.outer), d.volume(slides.inner), *plan.lengths))

        def forward(box: Mapping[str, tuple[int, int]], parts: Sequence[Mapping[str, tuple[int, int]]]) -> None:
            kernel = dilated(view_of(other, d.right, kernel_names, box))
            kernel = kernel.reshape(-1, d.volume(slides.inner), d.volume(d.columns), *kernel.shape[-len(axes) :])
            spectra = spectrum(kernel).conj()
            for part in parts:
                found = _products(windows(part), spectra)
                target = view_of(out, d.out, result_names, part)
                target[...] = back(found, target.shape[: -len(axes)])[results]

        def adjoint(box: Mapping[str, tuple[int, int]], parts: Sequence[Mapping[str, tuple[int, int]]]) -> None:
            total: Array | None = None
            for part in parts:
                view = view_of(other, d.right, result_names, part, "others")
                values = view.reshape(-1, _points(part, slides.outer), d.volume(d.columns), *view.shape[-len(axes) :])
                found = _products(np.swapaxes(windows(part), -1, -2), spectrum(values).conj())
                total = found if total is None else total + found
            target = view_of(out, d.out, kernel_names, box)
            if total is not None:
                target[...] = back(total, target.shape[: -len(axes)])[taps][flips]

        def groups(start: int, stop: int) -> None:
            for batch, outer in plan.groups[start:stop]:
                box = d.box | long | dict(batch)
                (adjoint if slides.adjoint else forward)(box, [box | dict(part) for part in outer])

        in_threads(groups, len(plan.groups), 1, terms.seconds)

    return run


def _points(box: Mapping[str, tuple[int, int]], names: Sequence[str]) -> int:
    """The number of points of some indices in a box."""
    return prod(box[v][1] - box[v][0] for v in names)


def _products(left: Array, right: Array) -> Array:
    """Matrix products at every frequency; where nothing is summed and nothing repeated a product of elements."""
    if left.shape[-1] == right.shape[-2] == 1 and (left.shape[-2] == 1 or right.shape[-1] == 1):
        return np.asarray(left * right)
    return np.matmul(left, right)
