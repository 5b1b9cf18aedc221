"""Products added to windows in compiled loops."""

from collections.abc import Mapping
from functools import cache
from math import prod
from typing import Any

from ...arguments.arrays import Array
from ...machine.compiled import Loops, loops
from ...machine.threads import in_threads, thread_count
from ..contraction import Contraction
from ..places import tile_places
from ..tile_loops import tile_place
from .scattered import Scatter


def add_in_loops(
    c: Contraction, plan: Scatter, products: Array, out: Array, box: Mapping[str, tuple[int, int]], seconds: float
) -> bool:
    """Add the products of a block window by window in compiled loops; whether memory lies so that it can be done."""
    tiles, runs = plan.windows or ((), ())
    places = tile_places(out, c.out, plan.taps, tiles, runs, box)
    if places is None:
        return False
    shape_ = (1, *(c.extents[v] for v in plan.taps))[-2:]
    each = prod(places.tiles[1:, 1].tolist())
    apart = plan.blocks != ((),) and tiles[0] == plan.blocks[0][0][0]  # windows of two of its values never meet
    length = int(places.tiles[0, 1]) if apart else 1
    each = each if apart else each * int(places.tiles[0, 1])

    def part(start: int, stop: int) -> None:
        _adding()(start * each, stop * each, tuple(places), shape_, products.reshape(-1))

    in_threads(part, length, -(-length // thread_count(seconds)), seconds)
    return True


@loops
def _add_windows(first: int, last: int, places: Any, shape: Any, products: Any) -> None:
    """Add products, with axes of tiles, points, runs and elements, to where they belong; those outside are dropped.

    Args:
        first: the number of the first tile.
        last: that of the last one and one more.
        places: of the tiles.
        shape: the points of a tile along both axes.
        products: of all tiles.
    """
    flat, start, tiles, axes, runs, steps, length = places
    rows, width = shape
    for t in range(first, last):
        place, top, bottom, left, right = tile_place(tiles, axes, rows, width, t)
        for i in range(top, bottom):
            if runs.size == 1 and steps[1] == length:
                to = flat[start + place + i * steps[0] + left * length :][: (right - left) * length]
                term = products[((t * rows + i) * width + left) * length :][: (right - left) * length]
                for k in range(to.size):
                    to[k] += term[k]
                continue
            for j in range(left, right):
                for g in range(runs.size):
                    to = flat[start + place + runs[g] + i * steps[0] + j * steps[1] :][:length]
                    term = products[(((t * rows + i) * width + j) * runs.size + g) * length :][:length]
                    for k in range(length):
                        to[k] += term[k]


@cache
def _adding() -> Loops:
    return _add_windows.bound("_add_windows", tile_place=tile_place)
