"""Run a function and note its contractions: the ways that there are, what each is predicted to cost and takes."""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from statistics import median
from types import FrameType
from typing import Any

from gradscribe.codegen.numpy.explain.compiled_functions import Function, Functions, Inner
from gradscribe.codegen.numpy.explain.instance import Instance
from gradscribe.codegen.numpy.plan import Record

LEAST_SECONDS, LONG_SECONDS = 0.05, 0.5
"""What is timed is repeated for at least the first, three times at least unless that takes more than the second."""
MOST_TIMES = 25


@dataclass(frozen=True)
class Figures:
    """What a way to compute a contraction costs, of all times that it is computed together.

    Attributes:
        strategy: its name.
        chosen: whether it was taken.
        seconds: predicted, on one thread.
        flops: floating-point operations.
        bytes: moved between memory and caches.
        scratch: bytes of memory besides factors and result.
        error: the greatest one predicted in float32, relative to the largest element; 0 for that of plain sums.
        direct: whether every element is the sum of its own products and of nothing else, as strict accuracy wants it.
        parts: the strategies of the contractions that it consists of, or the schedule of its loops; () where it is one.
        measured: seconds that it took; None where it was not measured.
    """

    strategy: str
    chosen: bool
    seconds: float
    flops: int
    bytes: int
    scratch: int
    error: float
    direct: bool
    parts: tuple[str, ...] = ()
    measured: float | None = None


@dataclass
class Seen:
    """What was seen of one contraction of a function: how often it ran, and the ways by strategy."""

    times: int = 0
    ways: dict[str, Figures] = field(default_factory=dict)

    def add(self, figures: Figures) -> None:
        """What it costs once more, by one of its ways."""
        self.ways[figures.strategy] = _added(self.ways.get(figures.strategy), figures)

    def join(self, other: "Seen") -> None:
        """The same contraction elsewhere."""
        self.times += other.times
        for figures in other.ways.values():
            self.add(figures)


Path = tuple[int, ...]
"""Where a contraction stands: the identity of its record, behind those of the calls that led there."""


def observed(
    module: Functions, function: Function, example: Instance, values: dict[str, Any], measure: bool
) -> dict[Path, Seen]:
    """Call the function, enter its results into `values`; returns what was seen by the place in plans."""
    found: dict[Path, Seen] = {}
    wanted = module.runtime.current()
    room = import_module(f"{module.runtime.__name__}.contractions.choice")

    def observer(contraction: Any, compute: Callable[[Any], None]) -> None:
        ways = room.ways(contraction, wanted)
        chosen = room.choice(contraction, wanted)
        seen = found.setdefault(_path(function, sys._getframe()), Seen())
        seen.times += 1
        for way in ways:
            seconds = _timed(partial(compute, way)) if measure else None
            c = way.cost
            seen.add(
                Figures(
                    way.strategy.name,
                    way is chosen,
                    c.seconds,
                    c.flops,
                    c.bytes,
                    c.scratch,
                    c.error,
                    c.direct,
                    _parts(way, lambda c: room.choice(c, wanted)),
                    seconds,
                )
            )
        compute(chosen)

    with room.observing(observer):
        values |= function.call(function.code, example, values)
    return found


def _parts(way: Any, choice: Callable[[Any], Any]) -> tuple[str, ...]:
    """The strategies of the contractions that a way consists of, or the schedule of its loops."""
    if way.strategy.compiled:
        return (str(way.plan),)
    phases = way.plan if isinstance(way.plan, tuple) and not hasattr(way.plan, "_fields") else ()
    inner = (phase.gather for phase in phases if phase.gather is not None)
    return tuple(dict.fromkeys(choice(c).strategy.name for c in inner))


def _path(function: Function, frame: FrameType | None) -> Path:
    """Which records are being computed: that of the function, that of the one that it called, and so on."""
    every: tuple[Function | Inner, ...] = (function, *function.inner.values())
    places = {own.code.__code__: own.places for own in every}
    found: list[Record] = []
    while frame is not None:
        code = frame.f_code
        if code in places:
            found.append(places[code][frame.f_lineno - code.co_firstlineno])
        if code is function.code.__code__:
            break
        frame = frame.f_back
    return tuple(map(id, reversed(found)))


def _added(before: Figures | None, now: Figures) -> Figures:
    if before is None:
        return now
    measured = None if before.measured is None or now.measured is None else before.measured + now.measured
    return replace(
        before,
        chosen=before.chosen or now.chosen,
        seconds=before.seconds + now.seconds,
        flops=before.flops + now.flops,
        bytes=before.bytes + now.bytes,
        scratch=max(before.scratch, now.scratch),
        error=max(before.error, now.error),
        direct=before.direct and now.direct,
        parts=tuple(dict.fromkeys((*before.parts, *now.parts))),
        measured=measured,
    )


def timed(function: Function, example: Instance, values: Mapping[str, Any], measure: bool) -> float:
    """Seconds that a call takes; 0 where nothing is measured."""
    return _timed(lambda: function.call(function.code, example, values)) if measure else 0.0


def _timed(call: Callable[[], Any]) -> float:
    """The median of several calls after a first one."""
    call()
    taken: list[float] = []
    while sum(taken) < (LONG_SECONDS if len(taken) < 3 else LEAST_SECONDS) and len(taken) < MOST_TIMES:
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return median(taken)
