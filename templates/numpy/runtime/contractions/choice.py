"""The choice of a strategy."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

from ..arguments.arrays import Array
from ..machine.ahead import Unfinished
from ..machine.configuration import Settings
from .contraction import Contraction
from .gathering import gathering_ways
from .operands import Bound, Terms
from .strategies.fold import bind_fold, fold_cost, fold_plan
from .strategies.polyphase import bind_polyphase, phases_of, polyphase_cost
from .strategies.scatter import bind_scatter, scatter_cost
from .strategies.scattered import scatter_plan
from .tuned import measured
from .ways import Strategy, Way, bound, preferred, resolved, weighed

SCATTERING: tuple[Strategy, ...] = (
    Strategy("polyphase", phases_of, polyphase_cost, bind_polyphase),
    Strategy("scatter", scatter_plan, scatter_cost, bind_scatter),
    Strategy("fold", fold_plan, fold_cost, bind_fold, compiled=True),
)
"""The strategies where sums are added to a window."""


def ways(c: Contraction, wanted: Settings) -> tuple[Way, ...]:
    """All ways to compute a contraction, the fastest first as predicted; if strict the direct ones."""
    return gathering_ways(c, wanted) if c.gathers else _scattering_ways(c, resolved(c, wanted))


@lru_cache(maxsize=4096)
def _scattering_ways(c: Contraction, wanted: Settings) -> tuple[Way, ...]:
    return weighed(SCATTERING, c, wanted)


def choice(c: Contraction, wanted: Settings) -> Way:
    """The fastest way that is accurate enough, as measured or as predicted, or the one that the settings name."""
    if wanted.strategy is None:
        wanted = wanted._replace(strategy=measured(c, resolved(c, wanted)))
    return preferred(ways(c, wanted), wanted)


Observer = Callable[[Contraction, Callable[[Way], None]], None]
_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Within a ``with`` statement every contraction of nonzero size is left to `observer`.

    It is called with the contraction and a function that computes it in a given way, which it has to call.
    """
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


def observer() -> Observer | None:
    """The one in force, if there is any."""
    return _observer.get()


def bound_choice(c: Contraction, terms: Terms) -> Bound:
    """What computes a contraction as the settings want it; NumPy while its loops are compiled in the background."""
    way = choice(c, terms.settings)
    try:
        return bound(way, c, terms)
    except Unfinished:
        return _served(way, c, terms)


def _served(way: Way, c: Contraction, terms: Terms) -> Bound:
    alone = terms._replace(settings=terms.settings._replace(backend="numpy"))
    meanwhile = bound(choice(c, alone.settings), c, alone)
    found: list[Bound] = []

    def run(left: Array, right: Array, out: Array) -> None:
        if not found:
            try:
                found.append(bound(way, c, terms))
            except Unfinished:
                meanwhile(left, right, out)
                return
        found[0](left, right, out)

    return run


def bound_observed(c: Contraction, terms: Terms, observe: Observer) -> Bound:
    """What leaves a contraction to an observer; those that it is made of are not observed."""

    def run(left: Array, right: Array, out: Array) -> None:
        observe(c, lambda way: bound(way, c, terms)(left, right, out))

    return run
