"""A function in a process of its own, which ends in time and takes so much memory, whatever text it was given.

That bounds what a text may take. It is no sandbox: the process is the user's own, as this one is.
"""

import math
import multiprocessing
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Generic, TypeVar

from gradscribe.derive.ir.error import EquationError

T = TypeVar("T")
GIB = 2**30
FORKED = "fork" if sys.platform == "linux" else "spawn"
"""How the process starts: as a copy of this one, which has all loaded already, where systems let programs do so."""


class StoppedError(EquationError):
    """A call that took too much, or that ended its process; the message says which."""


@dataclass(frozen=True)
class Limits:
    """What a call may take.

    Attributes:
        seconds: until it is stopped.
        memory: bytes, besides those that the process has from the start.
        hint: what a message adds of how to have more.
    """

    seconds: float
    memory: int = 4 * GIB
    hint: str = ""


class Apart(Generic[T]):
    """A call that has been started: a context, which leaves nothing running.

    Args:
        limits: what it may take.
        function: of a module, so that another process finds it; what it returns or raises can be pickled.
        arguments: what it is called with.
        method: how processes start, one of `multiprocessing`'s.
    """

    def __init__(self, limits: Limits, function: Callable[..., T], *arguments: Any, method: str = FORKED) -> None:
        context: Any = multiprocessing.get_context(method)
        self.limits = limits
        self._receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(sender, limits, function, arguments), daemon=True)
        with warnings.catch_warnings():  # that threads are not copied: the child has its own, see docs/security.md
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", RuntimeWarning)  # JAX says so, where it has been imported
            self._process.start()
        sender.close()
        self._late = self._over = False
        self._timer = threading.Timer(limits.seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def __enter__(self) -> "Apart[T]":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._timer.join()
        self._process.join()
        self._over = True
        self._receiver.close()

    def result(self) -> T:
        """What the function returns, once it has.

        Raises:
            StoppedError: when it took too much, when its process ended, or somebody called `stop`.
            Exception: what the function raised.
        """
        try:
            good, value = self._receiver.recv()
        except (EOFError, OSError):
            raise StoppedError(self._reason()) from None
        if good:
            return value
        raise StoppedError(_too_much(self.limits)) if isinstance(value, MemoryError) else value

    def stop(self) -> None:
        """End the process, and all that it has started."""
        self._timer.cancel()
        self._kill()

    def _end(self) -> None:
        self._late = True
        self._kill()

    def _kill(self) -> None:
        if self._over:  # its number may be another's by now
            return
        with suppress(OSError, AttributeError):  # a group of its own, where systems have such
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()

    def _reason(self) -> str:
        self._process.join()
        code = self._process.exitcode
        if self._late or code == -getattr(signal, "SIGXCPU", 0):
            return f"stopped after {self.limits.seconds:g} s: the text is too much{self.limits.hint}"
        ended = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
        return f"its process ended before it was done ({ended})"


def apart(limits: Limits, function: Callable[..., T], *arguments: Any, method: str = FORKED) -> T:
    """What a function returns, or raises, in a process of its own; the arguments are those of `Apart`.

    Raises:
        StoppedError: see `Apart.result`.
    """
    with Apart(limits, function, *arguments, method=method) as call:
        return call.result()


def _too_much(limits: Limits) -> str:
    return f"stopped at {limits.memory / GIB:g} GiB of memory: the text is too much"


def _work(sender: Connection, limits: Limits, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """What the process does."""
    if hasattr(os, "setsid"):
        os.setsid()
    _limit(limits)
    try:
        answer = (True, function(*arguments))
    except MemoryError:  # without what it was raised in, which holds the memory
        answer = (False, MemoryError())
    except Exception as error:
        error.add_note(traceback.format_exc())
        answer = (False, error)
    with suppress(OSError):  # nobody waits any more
        try:
            sender.send(answer)
        except MemoryError:
            sender.send((False, MemoryError()))


def _limit(limits: Limits) -> None:
    """Let the system bound this process, where it can."""
    try:
        import resource
    except ImportError:
        return
    bounds = {
        resource.RLIMIT_CPU: math.ceil(limits.seconds) + 1,  # also where whoever started it is gone
        resource.RLIMIT_AS: _taken() + limits.memory,
        resource.RLIMIT_CORE: 0,
    }
    for which, most in bounds.items():
        _, hard = resource.getrlimit(which)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(which, (bound, hard))


def _taken() -> int:
    """Bytes of addresses that this process has; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
