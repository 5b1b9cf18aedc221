"""Work divided among threads, while BLAS has one."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache
from typing import Any

from ..arguments.traced import tracing
from .configuration import current
from .process import cores, process, this_thread

WORTH_A_THREAD = 2e-4
"""Seconds of work from which on it is divided among threads."""

WORTH_A_TEAM = 3e-5
"""The same of compiled functions, whose threads are there in microseconds."""


@cache
def blas() -> Any:
    """What sets the number of BLAS threads; None without threadpoolctl: then threads are left to BLAS alone."""
    from importlib.util import find_spec

    if find_spec("threadpoolctl") is None:
        return None
    with process.loading:
        import threadpoolctl

    controller = threadpoolctl.ThreadpoolController().select(user_api="blas")
    return controller if controller.lib_controllers else None


@cache
def available() -> int:
    """As many threads as BLAS was started with."""
    return max((library.num_threads for library in blas().lib_controllers), default=1) if blas() else 1


def thread_count(seconds: float) -> int:
    """Into how many threads work of that predicted duration is divided; BLAS has one meanwhile.

    What is recorded is done in order, by one.
    """
    if seconds < WORTH_A_THREAD or getattr(this_thread, "worker", False) or blas() is None or tracing() is not None:
        return 1
    wanted = current().threads
    return available() if wanted is None else min(wanted, 4 * available())


def team_size(seconds: float, wanted: int | None) -> int:
    """Into how many threads a compiled function divides work of that predicted duration; BLAS takes no part in it.

    Args:
        seconds: on one thread.
        wanted: that of the settings.
    """
    if seconds < WORTH_A_TEAM:
        return 1
    most = available() if blas() else cores()
    return most if wanted is None else min(wanted, 4 * most)


@contextmanager
def one_blas_thread() -> Iterator[bool]:
    """BLAS has one thread within a ``with`` statement, and what it had before afterwards.

    Its own threads would go on spinning after a product, for longer than most of ours take, and slow threads of Python
    down. The setting is the process's: yields whether this thread is the one that has it, and may start others.
    """
    if getattr(this_thread, "alone", False):
        yield True
    elif blas() is None or getattr(this_thread, "worker", False) or not process.holds():
        yield False
    else:  # also where an interrupt kept this thread from putting back what it had set
        this_thread.alone = True
        try:
            for library in blas().lib_controllers:
                number = library.get_num_threads()
                if number != 1:
                    process.before.append((library, number))
                    library.set_num_threads(1)
            yield True
        finally:
            this_thread.alone = False
            process.restore()
            process.holder.pop("blas", None)


def in_threads(task: Callable[[int, int], None], length: int, step: int, seconds: float) -> None:
    """Call ``task(start, stop)`` for ranges of `step` that cover 0..length, in several threads if that pays.

    With one range or one thread nothing is waited for, and BLAS is left as it is.

    Raises:
        RuntimeError: in a child that was forked by `task`: the threads that it shared the work with are not there.
    """
    starts = range(0, length, max(1, step))
    left = iter(starts)

    def work() -> None:
        before, this_thread.worker = getattr(this_thread, "worker", False), True
        try:
            for start in left:  # next() of a range iterator is atomic
                task(start, min(start + step, length))
        finally:
            this_thread.worker = before

    if len(starts) <= 1 or thread_count(seconds) == 1:
        work()
        return
    with one_blas_thread() as alone:
        number = min(thread_count(seconds), len(starts)) if alone else 1
        forks = process.forks
        others: list[Any] = []
        try:
            for _ in range(number - 1):
                others.append(process.workers(number - 1).submit(copy_context().run, work))
            work()
        finally:
            deque(left, maxlen=0)  # after an error nothing more is begun
            if process.forks == forks:
                process.finish(others)
        if others and process.forks != forks:
            raise RuntimeError("a kernel that is computed in several threads cannot go on in a forked child")
        for other in others:
            other.result()
