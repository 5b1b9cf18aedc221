"""What belongs to the process: worker threads, and what a forked child cannot use of its parent."""

import os
from collections.abc import Callable, Sequence
from functools import cache
from threading import RLock, get_ident, local
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # loaded with the first worker: it takes as long as a third of the runtime
    from concurrent.futures import Future, ThreadPoolExecutor


@cache
def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Process:
    """What a child of `fork` cannot use as its parent left it.

    Worker threads do not exist there, and what other threads were about to put back they never will.

    Attributes:
        executors: worker threads, by their number.
        holder: the thread that has set BLAS to one thread, under "blas"; the first to write it there, which is atomic.
        before: what BLAS had before that.
        forks: how many forks led to this process.
        releases: what else gives back memory and threads, of what has been loaded since.
        loading: held while modules are loaded, and during a fork, so that no thread is in the middle of it.
    """

    def __init__(self) -> None:
        self.executors: dict[int, ThreadPoolExecutor] = {}
        self.holder: dict[str, int] = {}
        self.before: list[tuple[Any, int]] = []
        self.forks = 0
        self.releases: list[Callable[[], Any]] = []
        self.loading = RLock()
        self._held: list[Any] = []
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._hold, after_in_parent=self._let_go, after_in_child=self._renew)

    def workers(self, number: int) -> "ThreadPoolExecutor":
        """So many threads."""
        found = self.executors.get(number)
        if found is None:
            with self.loading:
                from concurrent.futures import ThreadPoolExecutor

            found = self.executors.setdefault(number, ThreadPoolExecutor(number, "gradscribe"))
        return found

    def finish(self, tasks: "Sequence[Future[Any]]") -> None:
        """Wait for what workers were given."""
        if tasks:
            from concurrent.futures import wait

            wait(tasks)

    def holds(self) -> bool:
        """Whether this thread is the one that may set BLAS to one thread."""
        return self.holder.setdefault("blas", get_ident()) == get_ident()

    def restore(self) -> None:
        """Give BLAS the threads that it had."""
        while self.before:
            library, number = self.before[-1]
            library.set_num_threads(number)
            self.before.pop()

    def _hold(self) -> None:
        self.loading.acquire()
        self._held.append(self.loading)

    def _let_go(self) -> None:
        while self._held:
            self._held.pop().release()

    def _renew(self) -> None:
        self._let_go()
        self.executors = {}
        self.forks += 1
        if not getattr(this_thread, "alone", False):  # otherwise this thread goes on, and puts back itself
            self.restore()
            self.holder.clear()


this_thread = local()
"""`worker`: whether this thread computes a part; `alone`: whether it has set BLAS to one thread."""

process = Process()
"""The one of this runtime."""
