"""Contractions by definition, as one loop nest in C."""

from functools import cache
from math import prod
from pathlib import Path

from ...arguments.arrays import Array
from ...machine.configuration import Settings
from ...machine.native.compiler import compiler
from ...machine.native.library import available, kernel
from ...machine.native.sources import CONTRACTION
from ...machine.process import this_thread
from ...machine.threads import team_size
from ..contraction import Contraction
from ..costs import CACHE_RATE, CALL, COPY_RATE, Cost, full_rate
from ..direct.definitions import text
from ..direct.loops import volume
from ..direct.plan import Direct, direct
from ..direct.schedule import Machine
from ..operands import Bound, Terms, WithRow, told
from ..views import padded
from .matrices import blocked_plan
from .matrix import bind_blocked

WIDE, FEW, MANY = 64, 16, 32
"""The bytes of the widest vectors; how many vectors a core holds, and how many of these."""

ACROSS = 5
"""How many times longer than reading it takes to pack a factor that does not lie in the order of panels, and is not
turned by vectors in the cache."""

SECOND_CACHE = Path("/sys/devices/system/cpu/cpu0/cache/index2/size")
"""Where Linux says how large a core's cache of the second level is, as in 2048K."""

LEAST_CACHE, MOST_CACHE = 320 << 10, 1280 << 10
"""Bytes of the cache of the second level that a block has at least and at most."""


def direct_plan(c: Contraction) -> Direct | None:
    """The loop nest; None where there is no compiler, or the nest has no place for it."""
    found = compiler() if available() else None
    return None if found is None else direct(c, machine(found.vector))


def machine(vector: int) -> Machine:
    """One with vectors of so many bytes."""
    return Machine(vector, MANY if vector >= WIDE else FEW, block_cache())


@cache
def block_cache() -> int:
    """The bytes of a core's cache of the second level that a block may have: most of it, where the system knows it."""
    try:
        size = int(SECOND_CACHE.read_text(encoding="ascii").strip().removesuffix("K")) << 10
    except (OSError, ValueError):
        size = 0
    return max(LEAST_CACHE, min(MOST_CACHE, size * 5 // 8))


def direct_cost(c: Contraction, plan: Direct, wanted: Settings) -> Cost:
    """The cycles of all tiles, and what is copied before."""
    s, d, size = plan.schedule, plan.contraction, c.dtype.itemsize
    rounds = c.products / (s.stacked * s.row.extent * s.vector.extent * s.block * volume(s.summed[1:]) * s.depth)
    first, second, results = (size * prod(side.sizes) for side in (d.left, d.right, d.out))
    own = s.panels == 2 and s.stored_once  # each part's, which stay near
    quick = s.vector.b == 1 or (s.turned and second <= block_cache())
    packed = (second if own else 2 * second) if quick else ACROSS * second
    copied = (2 * first if s.box else 0) + (packed if s.panels else 0) + (2 * results * plan.chunks)
    seconds = rounds * s.tile.cycles * 4 * s.lanes / full_rate(c.dtype) + copied / CACHE_RATE + CALL
    scratch = (size * s.box.size if s.box else 0) + (second if s.panels == 1 else 0) + results * plan.chunks
    if plan.padding is not None:
        seconds, scratch = seconds + 2 * first / COPY_RATE, scratch + first
    return Cost(seconds, 2 * c.products, first + second + results, scratch)


def bind_direct(c: Contraction, plan: Direct, terms: Terms) -> Bound:
    """The loop nest, compiled; matrix products where it cannot be."""
    compute = kernel(text(plan.defined, CONTRACTION))
    if compute is None:
        return bind_blocked(c, blocked_plan(c), terms)
    threads, swapped = team_size(terms.seconds, terms.settings.threads), plan.schedule.swapped
    uses = told(c, *plan.schedule.pieces)

    def run(left: Array, right: Array, out: Array, row: Array | None) -> None:
        first, second = (right, left) if swapped else (left, right)
        if plan.padding is not None:
            first = padded(first, plan.padding, "padded")
        alone = getattr(this_thread, "worker", False)
        compute((first, second, out, row), plan.numbers, 1 if alone else threads, uses)

    return WithRow(run, plan.columns)
