"""The plan of a sum of products that is added to a window, piece by piece, see ``fold.c``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from ..contraction import Contraction, is_inside, is_plain
from .definitions import REALS, braces, start
from .loops import ONCE, Loop, all_joined, loops_of, words
from .schedule import CHAIN, Machine
from .tile import Tile, tile_of

MOST_PLACES, MOST_TAPS = 2, 2
"""Loops that the nest has."""


class Axis(NamedTuple):
    """An axis of a piece of the result, or several that lie in memory like one.

    Attributes:
        size: positions of the result.
        step: the distance between two of them, in elements.
        start: the first position that has sums.
        extent: how many have.
    """

    size: int
    step: int
    start: int
    extent: int


@dataclass(frozen=True)
class Fold:
    """Loops from the outermost to the innermost one; distances in the result are those in the sums of a piece.

    Attributes:
        swapped: whether the second factor is read as the first one.
        contraction: the contraction, its factors as the loops have them.
        lanes: elements of a vector.
        axes: those of a piece.
        parts: shared among threads; the extent of the first one is no definition.
        places: of the first factor, but for `row`.
        taps: but for `vector`.
        row: the rows of a tile.
        vector: the index of the vectors.
        summed: the inner sum.
        tile: what stays in registers.
    """

    swapped: bool
    contraction: Contraction
    lanes: int
    axes: tuple[Axis, ...]
    parts: tuple[Loop, ...]
    places: tuple[Loop, ...]
    taps: tuple[Loop, ...]
    row: Loop
    vector: Loop
    summed: Loop
    tile: Tile

    def __str__(self) -> str:
        """For `gradscribe explain`."""
        within = words((*self.places, *self.taps, self.row, self.vector))
        tile = f"tile {self.tile.rows} {self.row.name} x {self.tile.vectors * self.lanes} {self.vector.name}"
        pieces = "x".join(str(axis.extent) for axis in self.axes)
        return f"parts {words(self.parts) or 1}; {within}; {tile}; sums {words((self.summed,))}; pieces {pieces}"

    @property
    def pieces(self) -> tuple[int, int]:
        """What is told of the result: elements that pieces have a multiple of, and those of a usual piece."""
        piece = 1
        for axis in reversed(self.axes):
            if axis.step != piece:
                break
            piece *= axis.size
        return piece, piece

    @property
    def own(self) -> int:
        """The elements of the sums of a piece."""
        return prod(axis.extent for axis in self.axes)


def folded(c: Contraction, machine: Machine) -> Fold | None:
    """The plan; None where nothing of a factor lies next to each other in the result, or a piece is too large."""
    return _folded(c, False, machine) or _folded(c.swapped(), True, machine)


def _folded(d: Contraction, swapped: bool, machine: Machine) -> Fold | None:
    """The same without exchanging the factors."""
    loops, lanes = loops_of(d), max(1, machine.vector // d.dtype.itemsize)
    if loops is None or not d.summed or not (is_inside(d.left, d.box) and is_inside(d.right, d.box)):
        return None
    apart = [axis for axis in range(len(d.out.sizes)) if _is_apart(d, axis)]
    parts = tuple(loops[d.out.steps[axis][0][0]] for axis in apart)
    axes, own = _axes(d)
    around = {loop.name for loop in parts}
    places = _within(d, loops, own, [v for v in d.rows if v not in around])
    joint = all_joined(_within(d, loops, own, [v for v in d.columns if v not in around]))
    summed = all_joined(sorted((loops[v] for v in d.summed), key=lambda loop: -abs(loop.a)))
    fits = (
        all(v in around for v in d.batch)
        and places and joint and joint[-1].out == 1
        and len(places) <= MOST_PLACES + 1 and len(joint) <= MOST_TAPS + 1 and len(summed) == 1
        and prod(axis.extent for axis in axes) * d.dtype.itemsize <= machine.cache
    )  # fmt: skip
    if not fits:
        return None
    row, vector = places[0], joint[-1]
    return Fold(
        swapped, d, lanes, axes, parts or (ONCE,), _filled(places[1:], MOST_PLACES), _filled(joint[:-1], MOST_TAPS),
        row, vector, summed[0], tile_of(row.extent, vector.extent, summed[0].extent, lanes, machine.registers, False),
    )  # fmt: skip


def _is_apart(d: Contraction, axis: int) -> bool:
    """Whether an axis of the result is that of an index of the first factor: each value is a piece of its own."""
    steps = d.out.steps[axis]
    return bool(steps) and is_plain(d.out, axis, d.extents) and steps[0][0] not in d.columns


def _axes(d: Contraction) -> tuple[tuple[Axis, ...], dict[int, int]]:
    """The axes of a piece, and how far the axes of the result move in its sums."""
    inner = sorted((k for k in range(len(d.out.sizes)) if not _is_apart(d, k)), key=lambda k: -d.out.strides[k])
    found: list[Axis] = []
    for k in inner:
        low, high = d.out.reach(k, d.box)
        axis = Axis(d.out.sizes[k], d.out.strides[k] // d.dtype.itemsize, low, high - low + 1)
        if found and (low, axis.extent) == (0, axis.size) and found[-1].step == axis.step * axis.size:
            outer, n = found.pop(), axis.size
            axis = Axis(outer.size * n, axis.step, outer.start * n, outer.extent * n)
        found.append(axis)
    extents = [d.out.reach(k, d.box)[1] - d.out.reach(k, d.box)[0] + 1 for k in inner]
    return tuple(found), {k: prod(extents[n + 1 :]) for n, k in enumerate(inner)}


def _within(d: Contraction, loops: Mapping[str, Loop], own: Mapping[int, int], names: Sequence[str]) -> list[Loop]:
    """Loops as they move in the sums of a piece, the farthest first."""
    moved = [
        loops[v]._replace(out=sum(s * n for k, n in own.items() for w, s in d.out.steps[k] if w == v)) for v in names
    ]
    return sorted(moved, key=lambda loop: -abs(loop.out))


def _filled(loops: Sequence[Loop], number: int) -> tuple[Loop, ...]:
    return (*(ONCE,) * (number - len(loops)), *loops)


def fold_definitions(plan: Fold, add: bool) -> dict[str, int | str]:
    """What is compiled with, see ``fold.c``."""
    d, size = plan.contraction, plan.contraction.dtype.itemsize
    extents = [axis.extent for axis in plan.axes]
    own = _axes(d)[1]
    begin = sum((d.out.offsets[k] - d.out.reach(k, d.box)[0]) * n for k, n in own.items())
    found: dict[str, int | str] = {
        "REAL": REALS[d.dtype], "LANES": plan.lanes, "MR": plan.tile.rows, "NV": plan.tile.vectors, "CHAIN": CHAIN,
        "ADD": int(add), "EV": plan.vector.extent, "V_B": plan.vector.b, "EM": plan.row.extent, "AM": plan.row.a,
        "OM": plan.row.out, "EU": plan.summed.extent, "AU": plan.summed.a, "U_B": plan.summed.b,
        "A_START": start(d.left) // size, "B_START": start(d.right) // size, "O_START": start(d.out, own) // size,
        "OWN": plan.own, "OWN_START": begin, "P_EXTENT": braces([0, *(p.extent for p in plan.parts[1:])]),
        "Y_OWN": braces(prod(extents[k + 1 :]) for k in range(len(extents))),
    }  # fmt: skip
    found |= {f"P_{name}": braces(getattr(p, at) for p in plan.parts) for name, at in _PARTS}
    found |= {f"Y_{name.upper()}": braces(getattr(axis, name) for axis in plan.axes) for name in Axis._fields}
    for letter, loops in (("X", plan.places), ("R", plan.taps)):
        for k, loop in enumerate(loops):
            found |= {f"{letter}{k}": loop.extent, f"{letter}{k}_A": loop.a, f"{letter}{k}_B": loop.b}
            found[f"{letter}{k}_O"] = loop.out
    return found


_PARTS = ("A", "a"), ("B", "b"), ("O", "out")
