"""What ``contraction.c`` is compiled with: the sizes and distances of a schedule."""

from collections.abc import Collection, Iterable, Iterator, Mapping

import numpy as np

from ..contraction import Contraction, Side
from .loops import Loop, nested
from .schedule import MOST_ACROSS, Schedule

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
    size = c.dtype.itemsize
    rows, across, chunk = s.row, s.across, 0
    if s.chunked:
        *across, rows = nested((*s.across, s.row), s.vector.extent)
        chunk = across[0].extent * across[0].out
    block = s.tile.vectors * s.lanes
    summed = _in_panels(s, block) if s.panels else s.summed
    found: dict[str, int | str] = {
        "REAL": REALS[c.dtype], "LANES": s.lanes, "ALONG": int(s.along), "PANELS": s.panels, "CHUNKED": int(s.chunked),
        "BOX": int(s.box is not None), "MR": s.tile.rows, "NV": s.tile.vectors, "EV": s.vector.extent, "EM": rows.extent,
        "MB": s.rows, "AM": rows.a, "OM": rows.out, "M_Z": s.row.out, "CHUNK": chunk,
        "EX": across[0].extent, "X0": s.crossed, "QB": s.block, "S0": s.summed[0].extent,
        "S1": s.summed[1].extent, "S2": s.summed[2].extent, "EU": s.summed[3].extent, "AU": s.summed[3].a,
        "ADDED": s.added, "BU": summed[3].b, "RU_B": s.summed[3].b, "RV_B": s.vector.b, "T_A": s.outer.a, "T_B": s.outer.b,
        "A_START": start(c.left, s.box.covered if s.box else frozenset()) // size, "B_START": start(c.right) // size,
        "O_START": start(c.out) // size,
        "P_M": len(s.parts) - 1, "P_X": len(s.parts) - 1, "BOX_SIZE": s.box.size if s.box else 0,
    }  # fmt: skip
    for k in range(MOST_ACROSS):
        found |= {f"X{k}_A": across[k].a, f"X{k}_B": across[k].b, f"X{k}_O": across[k].out, f"X{k}_Z": s.across[k].out}
        found |= {f"S{k}_A": s.summed[k].a, f"S{k}_B": summed[k].b, f"R{k}_B": s.summed[k].b}
        found |= {f"X{k}": across[k].extent} if k else {}
    found |= {f"P_{name}": row(getattr(p, at) for p in s.parts) for name, at in _PARTS}
    found["P_EXTENT"] = row([0, *(p.extent for p in s.parts[1:])])
    return found | dict(_box(s))


_PARTS = ("A", "a"), ("B", "b"), ("O", "out")


def _in_panels(s: Schedule, block: int) -> tuple[Loop, ...]:
    """The inner sums as they run through a panel."""
    distance, found = block, []
    for loop in reversed((s.summed[0].first(s.block), *s.summed[1:])):
        found.append(loop._replace(b=distance))
        distance *= loop.extent
    return tuple(reversed(found))


def _box(s: Schedule) -> Iterator[tuple[str, int | str]]:
    if s.box is None:
        return
    axes = s.box.axes
    yield "BOX_START", s.box.origin
    yield "X_SIZE", row(axis.size for axis in axes)
    yield "X_STEP", row(axis.step for axis in axes)
    yield "X_START", row(axis.start for axis in axes)
    yield "X_EXTENT", row(axis.extent for axis in axes)
    moved = [[axis.moves(loop) if loop.steps else 0 for loop in (*s.parts, s.outer, s.summed[0])] for axis in axes]
    yield "X_PART", row(row(moves[:-2]) for moves in moved)
    yield "X_T", row(moves[-2] for moves in moved)
    yield "X_Q", row(moves[-1] for moves in moved)


def start(side: Side, without: Collection[int] = ()) -> int:
    """Where in an array indices 0 lead to, in bytes, but for some axes."""
    return sum(o * n for axis, (o, n) in enumerate(zip(side.offsets, side.strides, strict=True)) if axis not in without)


def row(values: Iterable[object]) -> str:
    """Values as C writes an array."""
    return "{" + ", ".join(map(str, values)) + "}"
