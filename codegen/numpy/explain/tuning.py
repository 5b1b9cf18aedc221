"""Measure the ways to compute the contractions of a layer, and keep what the cost model did not predict."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

from gradscribe.codegen.files.emitted import Emitted
from gradscribe.codegen.numpy.explain.compiled_functions import functions_of
from gradscribe.codegen.numpy.explain.instance import instance, real_type
from gradscribe.codegen.numpy.explain.solve import ExplainError
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import MOST_LISTED, shown
from gradscribe.derive.layer.interface import Layer

HOPELESS = 4.0
"""Ways that are predicted to take so many times as long as the chosen one are not measured."""
CLEARLY = 0.95
"""Another way is kept where it takes at most this share of the chosen one's time: a measurement is no better."""
ROUNDS, SECONDS = 7, 0.5
"""Each way has so many turns, fewer where those of a contraction would take longer, three at least."""


class Tuned(NamedTuple):
    """A contraction that was measured.

    Attributes:
        function: that it belongs to.
        predicted: the strategy that the model takes.
        fastest: the one that is taken from now on.
        seconds: what each takes, by strategy.
    """

    function: str
    predicted: str
    fastest: str
    seconds: Mapping[str, float]


def tuned(
    layer: Layer,
    made: Emitted,
    compiled: ModuleType,
    shapes: Mapping[str, Sequence[int] | None],
    settings: Mapping[str, str],
    dtype: str,
    chosen: Mapping[str, Any],
) -> Iterator[Tuned]:
    """Every contraction of a layer's functions, measured; arguments and errors are those of `making.compiled_ahead`."""
    module = functions_of(layer, made, compiled)
    contractions = f"{module.runtime.__name__}.contractions"
    choice, store = (import_module(f"{contractions}.{room}") for room in ("choice", "tuned"))
    found: list[tuple[str, str, Tuned]] = []
    running = [""]

    def observer(contraction: Any, compute: Callable[[Any], None]) -> None:
        wanted = module.runtime.current()
        ways = choice.ways(contraction, wanted)
        first = ways[0]
        able = [w for w in ways if w.cost.seconds <= HOPELESS * first.cost.seconds]
        if wanted.accuracy == "strict":
            able = [w for w in able if w.cost.direct or not first.cost.direct]
        if choice.resolved(contraction, wanted).backend == "compiled" and len(able) > 1:
            seconds = _in_turns({w.strategy.name: partial(compute, w) for w in able})
            best = min(seconds, key=lambda name: seconds[name])
            kept = best if seconds[best] <= CLEARLY * seconds[first.strategy.name] else first.strategy.name
            told = store.told(contraction, wanted.accuracy)
            found.append((told, kept, Tuned(running[0], first.strategy.name, kept, seconds)))
        compute(first)

    try:
        example = instance(module.layer, shapes, settings, real_type(layer, dtype))
        values = dict(example.values)
        with module.runtime.settings(backend="compiled"), module.runtime.settings(**chosen, backend="auto"):
            for function in module.functions:
                running[0] = function.name
                with choice.observing(observer):
                    values |= function.call(function.code, example, values)
    except EquationError:
        raise
    except (ModuleNotFoundError, MemoryError, ValueError, TypeError) as error:
        raise ExplainError(f"{layer.name}: {shown(error, MOST_LISTED)}") from error
    store.remember({told: None if kept == t.predicted else kept for told, kept, t in found})
    yield from (t for _, _, t in found)


def _in_turns(calls: Mapping[str, Callable[[], None]]) -> dict[str, float]:
    """The least seconds of each, after a first call that may compile."""
    for call in calls.values():
        call()
    best = dict.fromkeys(calls, float("inf"))
    start = time.perf_counter()
    for turn in range(ROUNDS):
        if turn >= 3 and time.perf_counter() - start > SECONDS:
            break
        for name, call in calls.items():
            before = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - before)
    return best
