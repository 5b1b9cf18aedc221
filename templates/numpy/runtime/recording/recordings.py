"""The calls of one network that are recorded, and those that cannot be."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..arguments.traced import Untraceable, tracing
from ..contractions.choice import observer
from ..machine.ahead import dry_run
from ..machine.configuration import Settings, current, has_c
from ..machine.memory import Buffers
from ..machine.process import this_thread
from .recorder import recorded
from .recording import Recording, kinds, leaves

CALLS = 8
"""The calls of one kind after which the next one is recorded: most networks of a test are called less often."""

MOST = 8
"""Recorded calls of a network: the one that was made least recently goes."""

PATIENCE = 4
"""Kinds of calls of a function that cannot be recorded, after which none is tried."""

MOST_KNOWN = 256
"""Kinds of calls that are counted; all are forgotten when there are more."""


class Recordings:
    """The recorded calls of a network or layer, which a copy of it has none of."""

    def __init__(self) -> None:
        self.found: list[tuple[Callable[..., Any], Settings, Recording]] = []
        self._counts: dict[Any, int] = {}
        self._refused: dict[Callable[..., Any], int] = {}

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
        if wanted.backend in ("auto", "compiled") and self._refused.get(function, 0) < PATIENCE and _is_plain_call():
            ends = [*leaves(given), *options.values()]
            for k, (known, by, recording) in enumerate(self.found):
                if known is function and by == wanted and recording.fits(ends) and recording.lock.acquire(False):
                    try:
                        if k:
                            self.found.insert(0, self.found.pop(k))
                        return recording.made_again(ends)
                    finally:
                        recording.lock.release()
            if self._is_due(function, wanted, ends):
                try:
                    return self._recorded(function, wanted, given, options, buffers)
                except Exception:  # the call itself goes another way, or says what is wrong
                    self._refused[function] = self._refused.get(function, 0) + 1
        return function(*given, **_memory(buffers), **options)

    def _is_due(self, function: Callable[..., Any], wanted: Settings, ends: Sequence[Any]) -> bool:
        """Whether a call of this kind has been made often enough, and not been tried before."""
        try:
            key = function, wanted, kinds(ends)
        except Untraceable:
            return False
        if len(self._counts) >= MOST_KNOWN:
            self._counts.clear()
        count = self._counts[key] = self._counts.get(key, 0) + 1
        return count == CALLS

    def _recorded(
        self,
        function: Callable[..., Any],
        wanted: Settings,
        given: tuple[Any, ...],
        options: Mapping[str, Any],
        buffers: Buffers | None,
    ) -> Any:
        """What a call returns, which is recorded.

        Raises:
            Exception: when that cannot be: something is not computed by functions in C, or what is given is wrong.
        """
        found = recorded(function, given, options, buffers is not None)
        self.found = [(function, wanted, found), *self.found[: MOST - 1]]
        if buffers is not None:
            buffers.forget()
        return found.made_again([*leaves(given), *options.values()])


def _is_plain_call() -> bool:
    """Whether nobody watches, and this thread is no part of something else."""
    free = dry_run() is None and tracing() is None and observer() is None and has_c()
    return free and not getattr(this_thread, "worker", False)


def _memory(buffers: Buffers | None) -> dict[str, Buffers]:
    """The argument of functions that take some."""
    return {} if buffers is None else {"buffers": buffers}
