"""Strategies, and the ways that they offer to compute a contraction."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any, NamedTuple

from ..arguments.arrays import Array
from ..machine.compiled import compiles
from ..machine.configuration import Settings
from ..machine.threads import one_blas_thread
from .contraction import Contraction
from .costs import Cost

FEW_PRODUCTS = 1 << 13
"""Multiplications up to which BLAS has one thread anyway."""


class Strategy(NamedTuple):
    """A way to compute contractions.

    Attributes:
        name: as `settings` takes it.
        plan: what a contraction needs to be computed so; None where it cannot be.
        cost: the prediction for a plan by the settings, whose backend is that of its loops: "numpy" or "compiled".
        run: computes ``(contraction, plan, left, right, out, seconds, add)``.
        compiled: whether it takes loops that are compiled.
    """

    name: str
    plan: Callable[[Contraction], Any]
    cost: Callable[[Contraction, Any, Settings], Cost]
    run: Callable[[Contraction, Any, Array, Array, Array, float, bool], None]
    compiled: bool = False


class Way(NamedTuple):
    """A strategy for a contraction, with its plan and what it is predicted to cost."""

    strategy: Strategy
    plan: Any
    cost: Cost


def resolved(c: Contraction, wanted: Settings) -> Settings:
    """The settings as far as the ways depend on them; the backend is that of the contraction's loops."""
    return Settings("compiled" if compiles(c.products, wanted=wanted) else "numpy", wanted.accuracy)


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
    """The first way, which is the fastest that is accurate enough, or the one that the settings name."""
    return next((way for way in found if way.strategy.name == wanted.strategy), found[0])


def take(way: Way, c: Contraction, left: Array, right: Array, out: Array, add: bool) -> None:
    """Compute a contraction in that way."""
    with one_blas_thread() if c.products > FEW_PRODUCTS else nullcontext():
        way.strategy.run(c, way.plan, left, right, out, way.cost.seconds, add)
