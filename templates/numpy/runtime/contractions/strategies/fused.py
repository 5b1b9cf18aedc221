"""Contractions by Cook-Toom transforms in C: a block of tiles goes through all stages in the cache."""

from collections.abc import Mapping
from functools import partial
from math import prod
from typing import NamedTuple

from ...arguments.arrays import Array
from ...cook_toom.tables import COOK_TOOM
from ...machine.configuration import Settings
from ...machine.native.compiler import compiler
from ...machine.native.library import available, kernel
from ...machine.native.sources import WINOGRAD
from ...machine.process import this_thread
from ...machine.threads import team_size
from ..contraction import Contraction, merged
from ..costs import CALL, Cost, full_rate
from ..direct.definitions import REALS, braces, start, text
from ..direct.schedule import Machine
from ..direct.tile import Tile, tile_of
from ..operands import Bound, Terms
from ..sliding import Slides, Sliding, sliding_windows
from .direct import machine
from .matrices import blocked_plan
from .matrix import bind_blocked

TILES = 320 << 10
"""Bytes of the transforms of a block of tiles, where so few are enough."""

LEAST_TILES = 24
"""Tiles of a block at least: so often what is read of the kernel is used."""

LARGE_KERNEL, MANY_TILES = 8 << 20, 48
"""Bytes of the transform of a kernel that does not stay in the cache, and tiles of a block then."""

CHAIN = 256
"""Products that are added one after the other: a transform multiplies rounding."""

TRANSFORM = 1.2
"""Cycles of a summand of a transform of a vector."""


class Fused(NamedTuple):
    """How to compute a contraction tile by tile in C.

    Attributes:
        slides: the windows, along one or two axes; their steps are 1.
        results: results per tile and axis, the m of F(m, r).
        lanes: elements of a vector.
        tile: what a product of matrices holds in registers.
        tiles: how many tiles a block has.
    """

    slides: Slides
    results: int
    lanes: int
    tile: Tile
    tiles: int

    def __str__(self) -> str:
        d, axes = self.slides.contraction, self.slides.axes
        algorithms = " x ".join(f"F({self.results}, {d.extents[a.tap]})" for a in axes)
        tile = f"tile {self.tile.rows} x {self.tile.vectors * self.lanes}"
        return f"{algorithms}, {self.points} points, {self.tiles} tiles at a time; {tile}"

    @property
    def points(self) -> int:
        """Points of a tile."""
        extents = self.slides.contraction.extents
        return prod(self.results + extents[a.tap] - 1 for a in self.slides.axes)


def fused_plan(results: int, c: Contraction) -> Fused | None:
    """The tiles of F(results, taps); None where nothing slides so, or elements do not lie next to each other."""
    found = compiler() if available() else None
    if found is None:
        return None
    for slides in sliding_windows(c, 2):
        axes = tuple(
            a for a in slides.axes if a.step == 1 and (results, slides.contraction.extents[a.tap]) in COOK_TOOM
        )
        chosen = slides._replace(axes=axes)
        if axes and not slides.adjoint and _lies_together(chosen):
            return _blocks(chosen, results, machine(found.vector))
    return None


def _lies_together(slides: Slides) -> bool:
    """Whether vectors can run along what a window holds of each position, and along the results there."""
    d = slides.contraction
    size, sliding = d.dtype.itemsize, {a.axis for a in slides.axes}
    beside = ((*d.left.reach(axis, d.box), n) for axis, n in enumerate(d.left.sizes) if axis not in sliding)
    return (
        bool(slides.inner and d.columns)
        and merged(d.left, slides.inner, d.extents) == size == merged(d.out, d.columns, d.extents)
        and merged(d.right, slides.inner, d.extents) is not None
        and merged(d.right, d.columns, d.extents) is not None
        and all(low >= 0 and high < n for low, high, n in beside)
        and not any(n % size for side in (d.left, d.right, d.out) for n in side.strides)
    )


def _blocks(slides: Slides, results: int, on: Machine) -> Fused:
    d = slides.contraction
    lanes = max(1, on.vector // d.dtype.itemsize)
    inner, columns = d.volume(slides.inner), d.volume(d.columns)
    tile = tile_of(LEAST_TILES, columns, inner, lanes, on.registers, False)
    plan = Fused(slides, results, lanes, tile, 0)
    size = plan.points * d.dtype.itemsize
    least = MANY_TILES if size * inner * columns > LARGE_KERNEL else LEAST_TILES
    tiles = tile.rows * max(1, -(-least // tile.rows), TILES // (size * (inner + columns)) // tile.rows)
    return plan._replace(tiles=tiles)


def fused_cost(c: Contraction, plan: Fused, wanted: Settings) -> Cost:
    """Those of the products at the points, and of three transforms."""
    d, slides, tile, size = plan.slides.contraction, plan.slides, plan.tile, c.dtype.itemsize
    inner, columns, batch = d.volume(slides.inner), d.volume(d.columns), d.volume(d.batch)
    tiles = d.volume(slides.outer) * batch * prod(-(-d.extents[a.position] // plan.results) for a in slides.axes)
    taps, outputs = d.volume(slides.taps), plan.results ** len(slides.axes)
    vectors = plan.points * (tiles * (-(-inner // plan.lanes) + -(-columns // plan.lanes)))
    sums = plan.results + d.extents[slides.axes[0].tap] - 1
    transforms = TRANSFORM * sums * (vectors + batch * inner * plan.points * -(-columns // plan.lanes))
    cycles = plan.points * tiles / LEAST_TILES * tile.cycles + transforms
    flops = 2 * plan.points * (tiles * inner * columns) + 2 * taps * batch * inner * columns
    scratch = size * plan.points * (batch * inner * columns + plan.tiles * (inner + columns))
    moved = size * (prod(d.left.sizes) + prod(d.right.sizes) + outputs * tiles * columns)
    error = max(COOK_TOOM[plan.results, d.extents[a.tap]].error for a in slides.axes)
    return Cost(cycles * 4 * plan.lanes / full_rate(c.dtype) + CALL, flops, moved, scratch, error, False)


def bind_fused(c: Contraction, plan: Fused, terms: Terms) -> Bound:
    """The tiles, compiled; matrix products where they cannot be."""
    compute = kernel(text(definitions(plan), WINOGRAD))
    if compute is None:
        return bind_blocked(c, blocked_plan(c), terms)
    d, swapped, threads = plan.slides.contraction, plan.slides.swapped, team_size(terms.seconds, terms.settings.threads)
    first = next(iter((*d.batch, *plan.slides.outer)), None)
    numbers = (d.extents[first] if first else 1,)

    def run(left: Array, right: Array, out: Array) -> None:
        compute(
            (right, left, out) if swapped else (left, right, out),
            numbers,
            1 if getattr(this_thread, "worker", False) else threads,
        )

    return run


def definitions(plan: Fused) -> dict[str, int | str]:
    """Sizes, distances and matrices, see ``winograd.c``."""
    slides, d, size = plan.slides, plan.slides.contraction, plan.slides.contraction.dtype.itemsize
    others = (*d.batch, *slides.outer)
    inner, columns = slides.inner[-1], d.columns[-1]
    turned = sum((d.extents[a.tap] - 1) * d.right.stride(a.tap) for a in slides.axes if a.flipped) // size
    found: dict[str, int | str] = {
        "REAL": REALS[d.dtype], "LANES": plan.lanes, "MR": plan.tile.rows, "NV": plan.tile.vectors,
        "C": d.volume(slides.inner), "K": d.volume(d.columns), "TILES": plan.tiles, "CHAIN": CHAIN,
        "BATCHES": d.volume(d.batch), "C_W": d.right.stride(inner) // size, "K_W": d.right.stride(columns) // size,
        "X_START": start(d.left, {a.axis for a in slides.axes}) // size, "Y_START": start(d.out) // size,
        "W_START": start(d.right) // size + turned,
        "O_EXTENT": braces((0, *(d.extents[v] for v in others[1:]))),
        "O_X": braces([d.left.stride(v) // size for v in others] or [0]),
        "O_Y": braces([d.out.stride(v) // size for v in others] or [0]),
        "O_W": braces([d.right.stride(v) // size for v in others] or [0]),
    }  # fmt: skip
    for number, a in zip((1, 2), (None, *slides.axes)[-2:], strict=True):
        found |= _axis(plan, number, a)
    return found


def _axis(plan: Fused, number: int, a: Sliding | None) -> Mapping[str, int | str]:
    """What is defined of an axis; of one that there is not, one tap and one result."""
    d, size = plan.slides.contraction, plan.slides.contraction.dtype.itemsize
    named = {"output": "{{1}}", "kernel": "{{1}}", "data": "{{1}}"}
    values: dict[str, int] = dict.fromkeys(("M", "R", "D", "T", "E"), 1) | dict.fromkeys(("A", "F", "Y"), 0)
    step, extent = 0, 1
    if a is not None:
        algorithm, taps = COOK_TOOM[plan.results, d.extents[a.tap]], d.extents[a.tap]
        named = {name: braces(map(braces, getattr(algorithm, name).tolist())) for name in named}
        step = d.right.stride(a.tap) // size * (-1 if a.flipped else 1)
        extent = d.left.sizes[a.axis]
        values = {
            "M": plan.results, "R": taps, "D": a.dilation, "E": d.extents[a.position], "F": a.offset,
            "T": -(-d.extents[a.position] // (plan.results * a.dilation)), "A": d.left.strides[a.axis] // size,
            "Y": d.out.stride(a.position) // size,
        }  # fmt: skip
    found: dict[str, int | str] = {f"{name}{number}": value for name, value in values.items()}
    found |= {f"{name.upper()}{number}": matrix for name, matrix in named.items()}
    return found | {f"R{number}_W": step, "HW"[number - 1]: extent}


fused4, fused2 = partial(fused_plan, 4), partial(fused_plan, 2)
"""The plans of F(4, taps) and of F(2, taps)."""
