"""Contractions into a window in C: every product by definition, added up piece by piece."""

from math import prod

from ...arguments.arrays import Array
from ...machine.configuration import Settings
from ...machine.native.compiler import compiler
from ...machine.native.library import available, kernel
from ...machine.native.sources import FOLD
from ...machine.process import this_thread
from ...machine.threads import team_size
from ..contraction import Contraction
from ..costs import CACHE_RATE, CALL, COPY_RATE, Cost, full_rate
from ..direct.definitions import text
from ..direct.folding import Fold, fold_definitions, folded
from ..direct.loops import volume
from ..operands import Bound, Terms, told
from .direct import machine
from .polyphase import bind_polyphase, phases_of
from .scatter import bind_scatter
from .scattered import scatter_plan

ADDED, FAR_ADDED = 4.0, 12.0
"""Cycles of a vector that is read, added to and written, beside those of a tile; and where that is not near."""

NEAR = 64 << 10
"""Bytes of a piece from which on it is not."""

WRITTEN = 1.0
"""Cycles of an element that is copied to the result."""


def fold_plan(c: Contraction) -> Fold | None:
    """The loop nest; None where there is no compiler, or the nest has no place for it."""
    found = compiler() if available() else None
    return None if found is None else folded(c, machine(found.vector))


def fold_cost(c: Contraction, plan: Fold, wanted: Settings) -> Cost:
    """The cycles of all tiles, of additions, and of writing pieces."""
    d, size = plan.contraction, c.dtype.itemsize
    parts, rounds = volume(plan.parts), volume((*plan.places, *plan.taps))
    vectors = plan.row.extent * -(-plan.vector.extent // plan.lanes)
    added = ADDED if plan.own * size <= NEAR else FAR_ADDED
    cycles = parts * (rounds * (plan.tile.cycles + added * vectors) + WRITTEN * plan.own)
    read = (
        prod(d.left.sizes) * size / COPY_RATE
    )  # by places that are far from each other: it takes time beside the sums
    seconds = cycles * 4 * plan.lanes / full_rate(c.dtype) + read + 2 * prod(d.right.sizes) * size / CACHE_RATE + CALL
    moved = size * sum(prod(side.sizes) for side in (d.left, d.right, d.out))
    panels = volume(plan.taps) * plan.summed.extent * -(-plan.vector.extent // plan.lanes) * plan.lanes * 2
    return Cost(seconds, 2 * c.products, moved, size * (plan.own + panels))


def bind_fold(c: Contraction, plan: Fold, terms: Terms) -> Bound:
    """The loop nest, compiled; another way where it cannot be."""
    compute = kernel(text(fold_definitions(plan, terms.add), FOLD))
    if compute is None:
        phases = phases_of(c)
        return bind_polyphase(c, phases, terms) if phases else bind_scatter(c, scatter_plan(c), terms)
    threads, numbers = team_size(terms.seconds, terms.settings.threads), (plan.parts[0].extent,)
    uses = told(c, *plan.pieces)
    uses = uses._replace(letters=uses.letters[:3])

    def run(left: Array, right: Array, out: Array) -> None:
        first, second = (right, left) if plan.swapped else (left, right)
        alone = getattr(this_thread, "worker", False)
        compute((first, second, out), numbers, 1 if alone else threads, uses)

    return run
