"""Strategies, and the ways that they offer to compute a contraction."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..arguments.arrays import Array
from ..arguments.traced import tracing
from ..machine.configuration import Settings
from ..machine.native.library import available
from ..machine.threads import one_blas_thread
from .contraction import Contraction
from .costs import Cost
from .operands import Bound, Terms

WORTH_COMPILING = 1 << 20
"""Multiplications from which on a compiler is asked without being told to."""

FEW_PRODUCTS = 1 << 13
"""Multiplications up to which BLAS has one thread anyway."""


class Strategy(NamedTuple):
    """A way to compute contractions.

    Attributes:
        name: as `settings` takes it.
        plan: what a contraction needs to be computed so; None where it cannot be.
        cost: the prediction for a plan by the settings, whose backend is that of its loops: "numpy" or "compiled".
        bind: of a contraction and its plan, on which terms: what computes it. All that no element decides is worked
            out here, once.
        compiled: whether it takes loops that are compiled.
    """

    name: str
    plan: Callable[[Contraction], Any]
    cost: Callable[[Contraction, Any, Settings], Cost]
    bind: Callable[[Contraction, Any, Terms], Bound]
    compiled: bool = False


class Way(NamedTuple):
    """A strategy for a contraction, with its plan and what it is predicted to cost."""

    strategy: Strategy
    plan: Any
    cost: Cost


def resolved(c: Contraction, wanted: Settings) -> Settings:
    """The settings as far as the ways depend on them; the backend is that of the contraction."""
    large = wanted.backend in ("auto", "background") and c.products >= WORTH_COMPILING
    asked = wanted.backend == "compiled" or large
    return Settings("compiled" if asked and available() else "numpy", wanted.accuracy)


def weighed(strategies: Iterable[Strategy], c: Contraction, wanted: Settings) -> tuple[Way, ...]:
    """The ways of strategies to compute a contraction, the fastest first as predicted; if strict the direct ones.

    Args:
        strategies: that may be taken.
        c: the contraction.
        wanted: the settings, see `resolved`.
    """
    found = []
    for strategy in strategies:
        plan = None if strategy.compiled and wanted.backend != "compiled" else strategy.plan(c)
        if plan is not None:
            found.append(Way(strategy, plan, strategy.cost(c, plan, wanted)))
    strict = wanted.accuracy == "strict"
    return tuple(sorted(found, key=lambda way: (strict and not way.cost.direct, way.cost.seconds)))


def preferred(found: tuple[Way, ...], wanted: Settings) -> Way:
    """The first way, which is the fastest that is accurate enough, or the one that the settings name.

    In a call that is recorded it is one of those in C that are accurate enough, if there is any.
    """
    if tracing() is not None:
        strict = wanted.accuracy == "strict"
        in_c = (way for way in found if way.strategy.compiled and (way.cost.direct or not strict))
        found = tuple(in_c) or found
    return next((way for way in found if way.strategy.name == wanted.strategy), found[0])


def bound(way: Way, c: Contraction, terms: Terms) -> Bound:
    """What computes a contraction in that way."""
    run = way.strategy.bind(c, way.plan, terms._replace(seconds=way.cost.seconds))
    if c.products <= FEW_PRODUCTS or way.strategy.compiled:
        return run

    def with_one_thread(left: Array, right: Array, out: Array) -> None:
        with one_blas_thread():
            run(left, right, out)

    return with_one_thread
