"""Contractions by Cook-Toom transforms in C: correlations, and their gradients by the kernel."""

from functools import partial

from ...arguments.arrays import Array
from ...machine.configuration import Settings
from ...machine.native.compiler import compiler
from ...machine.native.library import available, kernel
from ...machine.process import this_thread
from ...machine.threads import team_size
from ..contraction import Contraction
from ..costs import Cost
from ..operands import Bound, Terms, WithRow, told
from ..sliding import sliding_windows
from .direct import machine
from .divided_windows import divided_windows
from .fused_sums import FusedSums, sums_cost, sums_plan, sums_text
from .fused_tiles import FusedTiles, tiles_cost, tiles_plan, tiles_text
from .matrices import blocked_plan
from .matrix import bind_blocked

Fused = FusedTiles | FusedSums


def fused_plan(results: int, c: Contraction) -> Fused | None:
    """The tiles of F(results, taps); None where nothing slides so, or elements do not lie next to each other."""
    found = compiler() if available() else None
    if found is None:
        return None
    for slides in sliding_windows(c):
        windows = divided_windows(slides, results)
        make = sums_plan if slides.adjoint else tiles_plan
        plan = make(windows, machine(found.vector)) if windows else None
        if plan is not None:
            return plan
    return None


def fused_cost(c: Contraction, plan: Fused, wanted: Settings) -> Cost:
    """Those of the products at the points, and of the transforms."""
    return sums_cost(c, plan, wanted) if isinstance(plan, FusedSums) else tiles_cost(c, plan, wanted)


def fused_text(plan: Fused) -> str:
    """What is compiled."""
    return sums_text(plan) if isinstance(plan, FusedSums) else tiles_text(plan)


def bind_fused(c: Contraction, plan: Fused, terms: Terms) -> Bound:
    """The tiles, compiled; matrix products where they cannot be."""
    compute = kernel(fused_text(plan))
    if compute is None:
        return bind_blocked(c, blocked_plan(c), terms)
    slides = plan.windows.slides
    d, swapped, threads = slides.contraction, slides.swapped, team_size(terms.seconds, terms.settings.threads)
    first = next(iter((*d.batch, *slides.outer)), None)
    numbers = (d.extents[first] if first else 1, plan.chunks if isinstance(plan, FusedSums) else plan.shares(threads))
    uses = told(c, *((0, 0) if isinstance(plan, FusedSums) or numbers[1] > 1 else plan.pieces))

    def run(left: Array, right: Array, out: Array, row: Array | None) -> None:
        first, second = (right, left) if swapped else (left, right)
        alone = getattr(this_thread, "worker", False)
        compute((first, second, out, row), numbers, 1 if alone else threads, uses)

    return WithRow(run, 0 if isinstance(plan, FusedSums) else d.volume(d.columns))


fused4, fused2 = partial(fused_plan, 4), partial(fused_plan, 2)
"""The plans of F(4, taps) and of F(2, taps)."""
