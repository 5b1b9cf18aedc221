"""What ``contraction.c`` is compiled with: the sizes and distances of a schedule."""

from collections.abc import Collection, Iterable, Iterator, Mapping

import numpy as np

from ..contraction import Contraction, Side
from .loops import Loop, nested
from .places import places_of
from .schedule import CHAIN, Schedule

REALS = {np.dtype(np.float32): "float", np.dtype(np.float64): "double"}


def text(defined: Mapping[str, int | str], source: str) -> str:
    """A text of C with these definitions before it."""
    return "".join(f"#define {name} {value}\n" for name, value in defined.items()) + source


def definitions(s: Schedule, c: Contraction) -> dict[str, int | str]:
    """The definitions of a schedule by name, see ``contraction.c``.

    Args:
        s: the schedule.
        c: the contraction, its factors as the schedule has them.
    """
    size, block = c.dtype.itemsize, s.tile.vectors * s.lanes
    row, across, chunk = s.row, s.across, 0
    if s.chunked:
        *nest, row = nested((*s.across, s.row), s.columns)
        across, chunk = tuple(nest), nest[0].extent * nest[0].out
    found: dict[str, int | str] = {
        "REAL": REALS[c.dtype], "LANES": s.lanes, "MR": s.tile.rows, "NV": s.tile.vectors,
        "ALONG": int(s.along), "PANELS": s.panels, "STRIPS": int(s.strips), "STACKED": s.stacked,
        "BOX": int(s.box is not None), "CLIPS": len(s.clips), "CHUNKED": int(s.chunked),
        "EV": s.vector.extent, "RV_B": s.vector.b, "EM": row.extent, "MB": s.rows,
        "AM": 1 if s.strips else row.a, "RM_A": row.a, "OM": row.out,
        "EX": across[0].extent, "X0": s.crossed, "X1": across[1].extent, "X2": across[2].extent,
        "T_A": s.outer.a, "T_B": s.outer.b, "QB": s.block, "ADDED": s.added, "CHAIN": CHAIN, "CHUNK": chunk,
        "M_Z": s.row.out, "STORED_ONCE": int(s.stored_once),
        "A_START": start(c.left, s.box.covered if s.box else ()) // size, "B_START": start(c.right) // size,
        "O_START": start(c.out) // size, "P_M": _part_of(s.row, s), "P_X": _part_of(s.across[0], s),
        "BOX_SIZE": s.box.size if s.box else 0, "INNER": int(s.inner), "REST": s.rest,
        "TURNED": int(s.turned), "ABREAST": s.abreast,
    }  # fmt: skip
    for k, (loop, target) in enumerate(zip(across, s.across, strict=True)):
        found |= {f"X{k}_A": loop.a, f"X{k}_O": loop.out, f"X{k}_Z": target.out}
    second = _in_panels(s, block * s.depth) if s.panels else tuple(loop.b for loop in s.summed)
    first = _in_panels(s, s.tile.rows) if s.strips else tuple(loop.a for loop in s.summed)
    for names, loop, a, b in zip(_SUMMED, s.summed, first, second, strict=True):
        found |= dict(zip(names, (loop.extent, a, b, loop.a, loop.b), strict=True))
    found |= {f"P_{name}": braces(getattr(p, at) for p in s.parts) for name, at in _PARTS}
    return (
        found
        | {"P_EXTENT": braces([0, *(p.extent for p in s.parts[1:])])}
        | dict(_box(s))
        | dict(_clips(s))
        | _spread(s)
    )


def _part_of(loop: Loop, s: Schedule) -> int:
    """The number of the loop over parts that a loop within a part is cut by; 0 where there is none."""
    return next((k for k, part in enumerate(s.parts) if part.name == loop.name), 0)


_SUMMED = (
    *((f"S{k}", f"S{k}_A", f"S{k}_B", f"R{k}_A", f"R{k}_B") for k in range(3)),
    ("EU", "AU", "BU", "RU_A", "RU_B"),
)
_PARTS = ("A", "a"), ("B", "b"), ("O", "out")
_CLIPPED = ("SIZE", "size"), ("START", "start"), ("X", "across"), ("M", "row"), ("S", "summed"), ("STEP", "step")


def _in_panels(s: Schedule, block: int) -> tuple[int, ...]:
    """How far the inner sums move in a panel, which has so many elements for each summand."""
    return tuple(loop.out for loop in nested((s.summed[0].first(s.block), *s.summed[1:]), block))


def _box(s: Schedule) -> Iterator[tuple[str, int | str]]:
    if s.box is None:
        return
    axes = s.box.axes
    yield "BOX_START", s.box.origin
    yield "X_SIZE", braces(axis.size for axis in axes)
    yield "X_STEP", braces(axis.step for axis in axes)
    yield "X_START", braces(axis.start for axis in axes)
    yield "X_EXTENT", braces(axis.extent for axis in axes)
    moved = [[axis.moves(loop) if loop.steps else 0 for loop in (*s.parts, s.outer, s.summed[0])] for axis in axes]
    yield "X_PART", braces(braces(moves[:-2]) for moves in moved)
    yield "X_T", braces(moves[-2] for moves in moved)
    yield "X_Q", braces(moves[-1] for moves in moved)


def _spread(s: Schedule) -> dict[str, int | str]:
    if s.spread is None:
        return {"SPREAD": 0}
    found = s.spread
    row, last = s.across[-1] if found.rows else s.row, s.summed[-1]
    places = places_of(row, last, s.stacked if found.rows else s.tile.rows // s.stacked)
    return {
        "SPREAD": found.copies, "DEPTH": found.depth, "DEPTH_M": int(found.rows), "SLIDES": places.summands,
        "RV_B": found.b, "RG_B": found.b_group, "RC_B": found.b_depth,
        "BC": 0 if found.rows else s.tile.vectors * s.lanes,
        "SLIDE": places.apart, "SLIDE_M": row.a // places.apart or 1, "SLIDE_U": last.a // places.apart or 1,
    }  # fmt: skip


def _clips(s: Schedule) -> Iterator[tuple[str, int | str]]:
    if not s.clips:
        return
    for name, at in _CLIPPED:
        yield f"C_{name}", braces(getattr(clip, at) for clip in s.clips)
    yield "C_PART", braces(braces(clip.parts or (0,)) for clip in s.clips)


def start(side: Side, without: Collection[int] = ()) -> int:
    """Where in an array indices 0 lead to, in bytes, but for some axes."""
    return sum(o * n for axis, (o, n) in enumerate(zip(side.offsets, side.strides, strict=True)) if axis not in without)


def braces(values: Iterable[object]) -> str:
    """Values as C writes an array."""
    return "{" + ", ".join(map(str, values)) + "}"
