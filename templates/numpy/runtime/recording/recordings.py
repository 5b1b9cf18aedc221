"""The calls of one network or layer that are recorded, and those that cannot be."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..arguments.traced import Untraceable, tracing
from ..contractions.choice import observer
from ..machine.ahead import dry_run
from ..machine.configuration import Settings, current, has_c
from ..machine.memory import Buffers
from ..machine.process import this_thread
from .dry_runs import compile_ahead
from .layout.arena import Arena
from .recorder import record
from .recording import Kind, Recording, kinds
from .tree import leaves

MOST = 16
"""Kinds of calls of a network or layer that are recorded."""

MOST_BYTES = 1 << 29
"""Bytes that all of them keep; no more kinds are recorded then."""

MOST_KNOWN = 256
"""Kinds of calls that are known not to be recorded; all are forgotten when there are more."""

Key = tuple[Callable[..., Any], Settings, tuple[Kind, ...]]


class Recordings:
    """The recorded calls of a network or layer, which a copy of it has none of."""

    def __init__(self) -> None:
        self.found: list[tuple[Callable[..., Any], Settings, Recording]] = []
        self.arena = Arena()
        self._others: set[Key] = set()

    def __reduce__(self) -> tuple[Any, ...]:
        return Recordings, ()

    def call(
        self,
        function: Callable[..., Any],
        given: tuple[Any, ...],
        options: Mapping[str, Any],
        buffers: Buffers | None = None,
    ) -> Any:
        """What a function returns, by a recorded call where there is one.

        Args:
            function: whose results depend on what it is given alone.
            given: arrays, trees of them, and plain values.
            options: of the function, plain values by name.
            buffers: memory that is used again from call to call, where the function takes any: what lies in it is held
                until the next call.
        """
        wanted = current()
        if _may_be_recorded(wanted, buffers is not None):
            ends = [*leaves(given), *options.values()]
            found = self._known(function, wanted, ends) or self._recorded(function, wanted, given, options, buffers)
            if found is not None and found.lock.acquire(blocking=False):  # else another thread has its memory
                try:
                    return found.made_again(ends)
                finally:
                    found.lock.release()
        return function(*given, **_memory(buffers), **options)

    def _known(self, function: Callable[..., Any], wanted: Settings, ends: Sequence[Any]) -> Recording | None:
        for known, by, recording in self.found:
            if known is function and by == wanted and recording.fits(ends):
                return recording
        return None

    def _recorded(
        self,
        function: Callable[..., Any],
        wanted: Settings,
        given: tuple[Any, ...],
        options: Mapping[str, Any],
        buffers: Buffers | None,
    ) -> Recording | None:
        """A recording of a call of a new kind; None where there cannot be one."""
        try:
            key = function, wanted, kinds([*leaves(given), *options.values()])
        except Untraceable:
            return None
        if key in self._others:
            return None
        try:
            if not self._has_room() or not (wanted.backend == "compiled" or _asks_for_c(function, given, options)):
                raise Untraceable("it stays with NumPy")
            found = record(function, given, options, buffers is not None, self.arena)
        except Exception:  # the call itself goes another way, or says what is wrong
            if len(self._others) >= MOST_KNOWN:
                self._others.clear()
            self._others.add(key)
            return None
        self.found.append((function, wanted, found))
        if buffers is not None:
            buffers.forget()
        return found

    def _has_room(self) -> bool:
        kept = self.arena.size + sum(recording.size for _, _, recording in self.found)
        return len(self.found) < MOST and kept < MOST_BYTES and has_c()


def _asks_for_c(function: Callable[..., Any], given: tuple[Any, ...], options: Mapping[str, Any]) -> bool:
    """Whether a call is so large that it asks for functions in C; those are compiled then."""
    return compile_ahead(lambda: function(*given, buffers=Buffers(), **options)) > 0


def _may_be_recorded(wanted: Settings, network: bool) -> bool:
    """Whether calls are recorded by these settings, nobody watches, and this thread is no part of something else."""
    if not (wanted.backend == "compiled" or (wanted.backend == "auto" and network)):
        return False
    free = wanted.strategy is None and dry_run() is None and tracing() is None and observer() is None
    return free and not getattr(this_thread, "worker", False)


def _memory(buffers: Buffers | None) -> dict[str, Buffers]:
    """The argument of functions that take some."""
    return {} if buffers is None else {"buffers": buffers}
