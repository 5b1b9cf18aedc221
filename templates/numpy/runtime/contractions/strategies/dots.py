"""Contractions whose sums run along memory, in C: a vector has summands of one element."""

from math import prod

from ...arguments.arrays import Array
from ...machine.configuration import Settings
from ...machine.native.compiler import compiler
from ...machine.native.library import available, kernel
from ...machine.native.sources import DOTS
from ...machine.process import this_thread
from ...machine.threads import team_size
from ..contraction import Contraction
from ..costs import CALL, Cost, full_rate
from ..direct.definitions import text
from ..direct.dotted import Dots, dots_definitions, dotted
from ..operands import Bound, Terms
from .direct import machine
from .matrices import blocked_plan
from .matrix import bind_blocked


def dots_plan(c: Contraction) -> Dots | None:
    """The loop nest; None where there is no compiler, or sums do not run along memory."""
    found = compiler() if available() else None
    return None if found is None else dotted(c, machine(found.vector))


def dots_cost(c: Contraction, plan: Dots, wanted: Settings) -> Cost:
    """The cycles of all tiles: nothing is copied."""
    seconds = plan.cycles * 4 * plan.lanes / full_rate(c.dtype) + CALL
    moved = c.dtype.itemsize * sum(prod(side.sizes) for side in (c.left, c.right, c.out))
    return Cost(seconds, 2 * c.products, moved, 0)


def bind_dots(c: Contraction, plan: Dots, terms: Terms) -> Bound:
    """The loop nest, compiled; matrix products where it cannot be."""
    compute = kernel(text(dots_definitions(plan), DOTS))
    if compute is None:
        return bind_blocked(c, blocked_plan(c), terms)
    threads, numbers = team_size(terms.seconds, terms.settings.threads), (plan.parts[0].extent,)

    def run(left: Array, right: Array, out: Array) -> None:
        compute((left, right, out), numbers, 1 if getattr(this_thread, "worker", False) else threads)

    return run
