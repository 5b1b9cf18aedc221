"""Forks, spawned processes, threads and interrupts around calls in several threads: nothing hangs or stays changed."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from gradscribe.generated.conv2d import conv2d_forward
from gradscribe.generated.max_pool2d import max_pool2d_forward
from gradscribe.generated.runtime.machine import threads
from gradscribe.generated.runtime.machine.process import process
from gradscribe.generated.runtime.machine.threads import (
    available,
    blas,
    in_threads,
    one_blas_thread,
    thread_count,
)
from tests.runtime.rooms import forget_plans, set_in_all

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60
"""Seconds until a process counts as hanging."""

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def convolution() -> np.ndarray:
    """A convolution in two threads, whatever its size is."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(4, 20, 20, 8)), rng.normal(size=(3, 3, 8, 8))
    threads.WORTH_A_THREAD = 0.0
    with rt.settings(threads=2):
        return conv2d_forward(x, w, padding=1)


def pooled(_: int = 0) -> tuple[bytes, bytes]:
    """A convolution and a pool, whose loops may be compiled."""
    return convolution().tobytes(), max_pool2d_forward(convolution().astype(np.float32), kernel_size=2)[0].tobytes()


def blas_threads() -> list[int]:
    return [library.get_num_threads() for library in blas().lib_controllers]


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test sets ends with it."""
    set_in_all(monkeypatch, "WORTH_A_THREAD", 0.0)
    pooled()
    forget_plans()
    yield
    forget_plans()


def in_a_child(check: Callable[[], Any]) -> None:
    """Run `check` in a forked child; an error or a hang there is one here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: that the process has several threads
        child = os.fork()
    if child == 0:
        status = 1
        try:
            check()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    for _ in range(PATIENCE * 100):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            assert status == 0
            return
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise AssertionError("the child hangs")


def equal_to(expected: Any, call: Callable[[], Any]) -> Callable[[], None]:
    def check() -> None:
        assert call() == expected

    return check


# ----- forks ----------------------------------------------------------------------------------------------------------
@forks
def test_a_child_computes_in_threads_as_its_parent_did() -> None:
    before = blas_threads()
    expected = pooled()
    in_a_child(equal_to(expected, pooled))
    assert pooled() == expected
    in_a_child(lambda: in_a_child(equal_to(expected, pooled)))
    assert blas_threads() == before


@forks
def test_a_fork_while_another_thread_computes() -> None:
    """Which has set BLAS to one thread, and will never give it back in the child."""
    before, expected = blas_threads(), pooled()
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with one_blas_thread():
            inside.set()
            assert leave.wait(PATIENCE)

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(PATIENCE)
    try:

        def check() -> None:
            assert blas_threads() == before
            assert thread_count(1.0) == available()
            with one_blas_thread() as alone:
                assert alone
            assert pooled() == expected

        in_a_child(check)
    finally:
        leave.set()
        thread.join()
    assert blas_threads() == before


@forks
def test_a_fork_while_another_thread_loads_a_module() -> None:
    """The fork waits until modules are loaded; the lock of another thread would be held in the child for ever."""
    held, leave = threading.Event(), threading.Event()

    def load() -> None:
        with process.loading:
            held.set()
            leave.wait(PATIENCE)

    thread = threading.Thread(target=load)
    thread.start()
    assert held.wait(PATIENCE)
    threading.Timer(0.2, leave.set).start()

    def check() -> None:
        with process.loading:
            pass

    in_a_child(check)
    thread.join()


@forks
def test_a_task_that_forks_does_not_wait_for_threads_that_are_not_there() -> None:
    both = threading.Barrier(2, timeout=PATIENCE)
    main = threading.main_thread()

    def task(start: int, stop: int) -> None:
        both.wait()
        if threading.current_thread() is main and "forked" not in seen:
            seen.append("forked")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                seen.append(os.fork())

    seen: list[Any] = []
    message = ""
    try:
        with rt.settings(threads=2):
            in_threads(task, 2, 1, 1.0)
    except RuntimeError as error:
        message = str(error)
    finally:
        if seen[-1] == 0:
            os._exit(0 if "forked child" in message and len(blas_threads()) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(seen[-1], 0)[1]) == 0


@pytest.mark.thorough
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_pools_of_processes(method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("no such method here")
    expected = pooled()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with multiprocessing.get_context(method).Pool(2) as pool:
            assert pool.map_async(pooled, range(3)).get(PATIENCE) == [expected] * 3


def test_a_pool_of_threads() -> None:
    before, expected = blas_threads(), pooled()
    with ThreadPool(6) as pool:
        assert pool.map_async(pooled, range(24)).get(PATIENCE) == [expected] * 24
    assert blas_threads() == before


# ----- interrupts -----------------------------------------------------------------------------------------------------
def test_an_interrupt_ends_the_call_and_leaves_all_as_it_was() -> None:
    before = blas_threads()
    begun: list[int] = []

    def task(start: int, stop: int) -> None:
        begun.append(start)
        time.sleep(0.02)
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt

    for _ in range(3):
        begun.clear()
        with rt.settings(threads=2), pytest.raises(KeyboardInterrupt):
            in_threads(task, 1000, 1, 1.0)
        assert len(begun) < 20  # nothing more is begun
        assert blas_threads() == before
        with one_blas_thread() as alone:
            assert alone


INTERRUPTED = """
import signal, threading, time
import numpy as np
from tests.runtime.test_processes import blas_threads, pooled
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has its background jobs ignore it
expected, before = pooled(), blas_threads()
main = threading.main_thread().ident
rng = np.random.default_rng(0)
caught = 0
for _ in range(120):
    timer = threading.Timer(float(rng.uniform(0, 0.01)), signal.pthread_kill, (main, signal.SIGINT))
    try:
        timer.start()
        end = time.monotonic() + 5  # Python drops an interrupt that hits a finalizer
        while time.monotonic() < end:
            pooled()
        timer.join()  # on a busy machine it may come late
    except KeyboardInterrupt:
        caught += 1
assert caught >= 110, caught
assert pooled() == expected
assert blas_threads() == before, (blas_threads(), before)
"""


@pytest.mark.thorough
@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals to threads here")
def test_interrupts_at_any_moment() -> None:
    """In a process of its own: an interrupt may hit what is not ours."""
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "2", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        timeout=5 * PATIENCE,
    )
    assert done.returncode == 0, done.stderr.decode()
