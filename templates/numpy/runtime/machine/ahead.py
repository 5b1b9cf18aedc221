"""Functions in C before they are called: those that a dry run asks for, several at a time; those made meanwhile."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from threading import Lock, Thread
from typing import Any

from .process import cores, process

Definitions = tuple[tuple[str, int | str], ...]
Request = tuple[str, Definitions]
"""A text of C, and the macros that are defined before it."""
Make = Callable[[str, Definitions], Any]

MOST_MADE = 1024
"""Functions that are remembered to have been made; all are forgotten when there are more, and found again on disk."""


class Unfinished(Exception):
    """A function in C is being compiled: NumPy computes meanwhile."""


# ----- dry runs -------------------------------------------------------------------------------------------------------
_requests: ContextVar[list[Request] | None] = ContextVar("requests", default=None)


def dry_run() -> list[Request] | None:
    """What the dry run that goes on has asked for; None where nothing but computing goes on."""
    return _requests.get()


@contextmanager
def collecting() -> Iterator[list[Request]]:
    """Within a ``with`` statement functions in C are noted instead of compiled, and do nothing when they are called."""
    token = _requests.set([])
    try:
        found = _requests.get()
        assert found is not None
        yield found
    finally:
        _requests.reset(token)


def make_together(requests: Iterable[Request], make: Make) -> int:
    """Make what is asked for, as many at a time as there are cores; how many different ones there were.

    Each is a process of the compiler, so that threads wait without the lock of Python.
    """
    wanted = list(dict.fromkeys(requests))
    if len(wanted) < 2 or cores() < 2:
        for request in wanted:
            make(*request)
        return len(wanted)
    with process.loading:
        from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(min(cores(), len(wanted)), "gradscribe-compile")
    try:
        for task in [pool.submit(make, *request) for request in wanted]:
            task.result()
    finally:
        pool.shutdown(cancel_futures=True)
    return len(wanted)


# ----- in the background ----------------------------------------------------------------------------------------------
_meanwhile: ContextVar[bool] = ContextVar("meanwhile", default=False)


@contextmanager
def computing_meanwhile(wanted: bool) -> Iterator[None]:
    """Whether, within a ``with`` statement, nothing waits for a function that is not there yet."""
    token = _meanwhile.set(wanted)
    try:
        yield
    finally:
        _meanwhile.reset(token)


class Background:
    """What is made while NumPy computes; its threads end with the process, and when nothing is left."""

    def __init__(self) -> None:
        self.forks = process.forks
        self.lock = Lock()
        self.asked: set[Request] = set()
        self.made: set[Request] = set()
        self.left: deque[tuple[Request, Make]] = deque()
        self.threads = 0

    def has(self, request: Request, make: Make) -> bool:
        """Whether something has been made; it will be if it was not."""
        if request in self.made:
            return True
        with self.lock:
            if request not in self.asked:
                self.asked.add(request)
                self.left.append((request, make))
                if self.threads < max(1, cores() // 2):  # NumPy needs the others
                    self.threads += 1
                    Thread(target=self._work, name="gradscribe-compile", daemon=True).start()
        return False

    def _work(self) -> None:
        while True:
            with self.lock:
                if not self.left:
                    self.threads -= 1
                    return
                request, make = self.left.popleft()
            with suppress(Exception):  # what a compiler refuses is noted; anything else shows when it is called
                make(*request)
            with self.lock:
                if len(self.made) >= MOST_MADE:
                    self.made.clear()
                self.made.add(request)
                self.asked.discard(request)


_background = [Background()]


def must_wait(request: Request, make: Make) -> bool:
    """Whether NumPy computes as a function is not there yet; then it is made in the background, once."""
    return _meanwhile.get() and not _in_force().has(request, make)


def compiling() -> int:
    """How many functions the compiler has still to make in the background; 0 where every call takes what there is."""
    return len(_in_force().asked)


def _in_force() -> Background:
    """That of this process: a forked child has no thread of its parent, and may not wait for its locks."""
    if _background[0].forks != process.forks:
        _background[0] = Background()
    return _background[0]
