"""The strategies where every element of the result is one sum."""

from functools import lru_cache, partial

from ..machine.configuration import Settings
from .contraction import Contraction
from .operands import Bound, Terms
from .strategies.banded import banded_cost, banded_plan, bind_banded
from .strategies.direct import bind_direct, direct_cost, direct_plan
from .strategies.dots import bind_dots, dots_cost, dots_plan
from .strategies.fourier import bind_fourier, fourier_cost, fourier_plan
from .strategies.fused import bind_fused, fused2, fused4, fused_cost
from .strategies.matrices import blocked_plan
from .strategies.matrix import bind_blocked, blocked_cost
from .strategies.taps import bind_taps, taps_cost, taps_plan
from .strategies.tiling import winograd_plan
from .strategies.winograd import bind_winograd, winograd_cost
from .ways import Strategy, Way, bound, preferred, resolved, weighed

GATHERING: tuple[Strategy, ...] = (
    Strategy("matrix", blocked_plan, blocked_cost, bind_blocked),
    Strategy("winograd4", partial(winograd_plan, 4), winograd_cost, bind_winograd),
    Strategy("winograd2", partial(winograd_plan, 2), winograd_cost, bind_winograd),
    Strategy("banded", banded_plan, banded_cost, bind_banded),
    Strategy("direct", direct_plan, direct_cost, bind_direct, compiled=True),
    Strategy("dots", dots_plan, dots_cost, bind_dots, compiled=True),
    Strategy("fused4", fused4, fused_cost, bind_fused, compiled=True),
    Strategy("fused2", fused2, fused_cost, bind_fused, compiled=True),
    Strategy("fourier", fourier_plan, fourier_cost, bind_fourier),
    Strategy("taps", taps_plan, taps_cost, bind_taps),
)
"""One row a strategy; `choice` has those where sums are added to a window, which may consist of these."""


def gathering_ways(c: Contraction, wanted: Settings) -> tuple[Way, ...]:
    """All ways to compute a contraction whose elements are one sum each, the fastest first; see `weighed`."""
    return _ways(c, resolved(c, wanted))


@lru_cache(maxsize=4096)
def _ways(c: Contraction, wanted: Settings) -> tuple[Way, ...]:
    return weighed(GATHERING, c, wanted)


def bound_sums(c: Contraction, wanted: Settings, worth: Settings | None = None) -> Bound:
    """What computes such a contraction as the settings want it; `worth` says which ways are, if it is a part."""
    return bound(preferred(gathering_ways(c, worth or wanted), wanted), c, Terms(wanted))
