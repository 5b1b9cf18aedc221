"""Contractions by Cook-Toom transforms."""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from ...arguments.arrays import Array
from ...arithmetic.ranges import box_blocks
from ...cook_toom.algorithm import CookToom
from ...cook_toom.tables import COOK_TOOM
from ...machine.configuration import Settings
from ...machine.memory import scratch_memory
from ...machine.threads import in_threads, thread_count
from ..contraction import Contraction
from ..costs import CACHE_RATE, CALL, COPY_RATE, Cost, copy_rate, full_rate, gemm_rate
from ..operands import Bound, Terms
from .tiles import Tiles, at_distance
from .tiling import LEAST_TILES, Winograd

KRON = 0.6
"""The rate of products with the matrix of a transform, relative to what registers allow."""


def winograd_cost(c: Contraction, plan: Winograd, wanted: Settings) -> Cost:
    """Those of the products at the points, and of three transforms."""
    d, slides = plan.slides.contraction, plan.slides
    size = d.dtype.itemsize
    batch, inner, columns = d.volume(d.batch), d.volume(slides.inner), d.volume(d.columns)
    tiles = sum(prod(high - low for _, (low, high) in chunk) for _, chunk in plan.chunks)
    chunk = tiles // len(plan.chunks)
    taps, results = d.volume(slides.taps), prod(plan.results)
    kernel = plan.products * batch * inner * columns
    columns_ = columns // len(plan.columns)
    rows, summed = (inner, chunk) if slides.adjoint else (chunk, inner)
    flops = 2 * tiles * kernel
    other = results * tiles * batch * columns
    transforms = 2 * plan.products * (plan.products * tiles * batch * inner + other)
    small = 2 * kernel * taps
    moved = size * tiles * batch * (2 * plan.products * inner + 2 * results * columns)
    seconds = flops / gemm_rate(rows, columns_, summed, d.dtype) + small / gemm_rate(taps, kernel, taps, d.dtype)
    at_points = size * plan.products * tiles * batch * (inner + columns)
    seconds += transforms / (KRON * full_rate(d.dtype)) + at_points / CACHE_RATE
    seconds += moved / copy_rate(size * d.volume(slides.inner[-1:]))
    seconds += CALL * 8 * len(plan.chunks) * len(plan.columns) + 2 * size * kernel / COPY_RATE
    if len(plan.columns) > 1:
        scratch = chunk * plan.products * batch * inner * size + 2 * (kernel + tiles * columns) // len(plan.columns)
    else:
        scratch = chunk * plan.products * batch * 2 * (inner + columns) * size + kernel * size
    error = max(entry.error for entry in _cook_toom(plan))
    return Cost(seconds, flops + transforms + small, moved, scratch, error, False)


def _cook_toom(plan: Winograd) -> tuple[CookToom, ...]:
    d = plan.slides.contraction
    return tuple(COOK_TOOM[m, d.extents[a.tap]] for m, a in zip(plan.results, plan.slides.axes, strict=True))


def bind_winograd(c: Contraction, plan: Winograd, terms: Terms) -> Bound:
    """Products at the points of a transform, fewer than by definition."""
    tiles, seconds = Tiles(plan), terms.seconds
    compute = _run_blocks if len(plan.columns) > 1 else _run_tile_sums if plan.slides.adjoint else _run_tiles

    def run(left: Array, right: Array, out: Array) -> None:
        compute(tiles.of(left, right, out), seconds)

    return run


def _run_tiles(tiles: Tiles, seconds: float) -> None:
    """Chunk by chunk, with all columns at once."""
    plan = tiles.plan
    kernel = tiles.kernels(plan.columns[0])

    def chunks(start: int, stop: int) -> None:
        for chunk in plan.chunks[start:stop]:
            tiles.scatter(chunk, (), _at_points(tiles, _windows(tiles, chunk), kernel))

    in_threads(chunks, len(plan.chunks), 1, seconds)


def _run_blocks(tiles: Tiles, seconds: float) -> None:
    """Chunk by chunk, with blocks of columns."""
    for number, chunk in enumerate(tiles.plan.chunks):
        _run_columns(tiles, chunk, number > 0, seconds / len(tiles.plan.chunks))


def _windows(tiles: Tiles, chunk: Any) -> Array:
    """The transform of the windows of a chunk in memory of this thread, [points, tiles, batch, inner]."""
    points, number = len(tiles.data), tiles.count(chunk)
    found = at_distance("windows", points, number * tiles.batch * tiles.inner, tiles.d.dtype)
    tiles.windows(chunk, found)
    return found.reshape(points, number, tiles.batch, tiles.inner)


def _at_points(tiles: Tiles, windows: Array, kernel: Array) -> Array:
    """The products at every point, [points, tiles * batch * columns]."""
    points, number, batch, _ = windows.shape
    columns = kernel.shape[3]
    found = at_distance("products", points, number * batch * columns, windows.dtype)
    products = found.reshape(points, number, batch, columns)
    np.matmul(windows.transpose(0, 2, 1, 3), kernel, out=products.transpose(0, 2, 1, 3))
    return found


def _others(tiles: Tiles, chunk: Any, columns: Any) -> Array:
    """The transform of the other factor of an adjoint for a chunk, [points, tiles, batch, columns]."""
    d, points = tiles.d, len(tiles.sums[0])
    width = prod(high - low for _, (low, high) in columns) if columns else d.volume(d.columns)
    number = tiles.count(chunk) * tiles.batch * width
    found = at_distance("others", points, number, d.dtype)
    tiles.others(chunk, columns, found)
    return found.reshape(points, tiles.count(chunk), tiles.batch, -1)


def _sums(windows: Array, others: Array, role: str) -> Array:
    """Per point the sum over the tiles, [points, batch, inner, columns]."""
    points, _, batch, inner = windows.shape
    found = scratch_memory(role, (points, batch, inner, others.shape[3]), windows.dtype)
    np.matmul(windows.transpose(0, 2, 3, 1), others.transpose(0, 2, 1, 3), out=found)
    return found


def _run_tile_sums(tiles: Tiles, seconds: float) -> None:
    """The adjoint where its sums at the points are small: every thread adds up its chunks."""
    plan = tiles.plan
    parts: dict[int, Array] = {}

    def chunks(start: int, stop: int) -> None:
        total: Array | None = None
        for chunk in plan.chunks[start:stop]:
            windows = _windows(tiles, chunk)
            found = _sums(windows, _others(tiles, chunk, ()), "sums" if total is None else "products")
            if total is None:
                total = found
            else:
                total += found
        if total is not None:
            parts[start] = total.copy()  # the thread may use its memory for another part

    in_threads(chunks, len(plan.chunks), -(-len(plan.chunks) // thread_count(seconds)), seconds)
    first, *rest = (parts[start] for start in sorted(parts))
    for part in rest:
        first += part
    tiles.write_sums((), first, False)


def _run_columns(tiles: Tiles, chunk: Any, again: bool, seconds: float) -> None:
    """A chunk with its columns block by block, for whose transform memory would not be enough at once."""
    plan, d = tiles.plan, tiles.d
    points, number = len(tiles.data), tiles.count(chunk)
    found = at_distance("all windows", points, number * tiles.batch * tiles.inner, d.dtype)
    residue, ranges = chunk
    names = tuple(v for v, _ in ranges)
    starts = {v: low for v, (low, _) in ranges}
    extents = {v: high - low for v, (low, high) in ranges}
    blocks = box_blocks(names, extents, LEAST_TILES)
    width = tiles.batch * tiles.inner

    def transform(start: int, stop: int) -> None:
        for block in blocks[start:stop]:
            part = _extents_ranges(extents, block)
            first = 0
            for v in names:
                first = first * extents[v] + part[v][0]
            moved = (residue, tuple((v, (low + starts[v], high + starts[v])) for v, (low, high) in part.items()))
            tiles.windows(moved, found[:, first * width : (first + tiles.count(moved)) * width])

    in_threads(transform, len(blocks), 1, seconds / 4)
    windows = found.reshape(points, number, tiles.batch, tiles.inner)

    def columns_(start: int, stop: int) -> None:
        for columns in plan.columns[start:stop]:
            if plan.slides.adjoint:
                sums = _sums(windows, _others(tiles, chunk, columns), "sums")
                tiles.write_sums(columns, sums, again)
            else:
                tiles.scatter(chunk, columns, _at_points(tiles, windows, tiles.kernels(columns)))

    in_threads(columns_, len(plan.columns), 1, seconds)


def _extents_ranges(extents: Mapping[str, int], block: Any) -> dict[str, tuple[int, int]]:
    """The ranges of a block, whole where it does not cut."""
    return {v: (0, n) for v, n in extents.items()} | dict(block)
