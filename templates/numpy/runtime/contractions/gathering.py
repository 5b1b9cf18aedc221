"""The strategies where every element of the result is one sum."""

from functools import lru_cache, partial

from ..arguments.arrays import Array
from ..machine.configuration import Settings, current
from .contraction import Contraction
from .operands import contraction_of, key_of
from .strategies.banded import banded_cost, banded_plan, run_banded
from .strategies.fourier import fourier_cost, fourier_plan, run_fourier
from .strategies.matrices import blocked_plan
from .strategies.matrix import blocked_cost, run_blocked
from .strategies.planar import planar_cost, run_planar
from .strategies.planes import planar_plan
from .strategies.taps import run_taps, taps_cost, taps_plan
from .strategies.tiling import winograd_plan
from .strategies.winograd import run_winograd, winograd_cost
from .ways import Strategy, Way, preferred, resolved, take, weighed

GATHERING: tuple[Strategy, ...] = (
    Strategy("matrix", blocked_plan, blocked_cost, run_blocked),
    Strategy("winograd4", partial(winograd_plan, 4), winograd_cost, run_winograd),
    Strategy("winograd2", partial(winograd_plan, 2), winograd_cost, run_winograd),
    Strategy("banded", banded_plan, banded_cost, run_banded),
    Strategy("planar", planar_plan, planar_cost, run_planar, compiled=True),
    Strategy("fourier", fourier_plan, fourier_cost, run_fourier),
    Strategy("taps", taps_plan, taps_cost, run_taps),
)
"""One row a strategy; `choice` has those where sums are added to a window, which may consist of these."""


def gathering_ways(c: Contraction, wanted: Settings) -> tuple[Way, ...]:
    """All ways to compute a contraction whose elements are one sum each, the fastest first; see `weighed`."""
    return _ways(c, resolved(c, wanted))


@lru_cache(maxsize=4096)
def _ways(c: Contraction, wanted: Settings) -> tuple[Way, ...]:
    return weighed(GATHERING, c, wanted)


def gather_sums(c: Contraction, left: Array, right: Array, out: Array, add: bool) -> None:
    """Compute such a contraction as the settings want it."""
    wanted = current()
    take(preferred(gathering_ways(c, wanted), wanted), c, left, right, out, add)


def multiply(spec: str, left: Array, right: Array, out: Array) -> None:
    """Write the sums of products to an array; nothing of that may be empty, and no axis that of one factor only."""
    gather_sums(contraction_of(spec, out.dtype, key_of(left), key_of(right), key_of(out)), left, right, out, False)
