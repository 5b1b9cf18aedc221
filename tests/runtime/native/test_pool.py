"""The pool of threads: what it computes, how many threads it has, forks, and how it ends."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.machine.native import library
from tests.cases.thorough import draws
from tests.runtime.native.texts import ROOT, SUMS, TEAM
from tests.runtime.test_processes import forks, in_a_child

pytestmark = pytest.mark.usefixtures("compiles")

THREADS = (
    TEAM
    + """
#include <pthread.h>
#include <time.h>

static void inner(void *work, long part)
{
    __atomic_fetch_add((long *)work, part, __ATOMIC_RELAXED);
}

struct job {
    unsigned long *threads;
    long *sums;
    struct team *team;
};

static void part(void *work, long number)
{
    struct job *job = work;
    nanosleep(&(struct timespec){0, 1000000}, NULL);
    job->threads[number] = (unsigned long)pthread_self();
    job->team->run(job->team, inner, &job->sums[number], 10);
}

void kernel(void *const *arrays, const long *numbers, struct team *team)
{
    struct job job = {arrays[0], arrays[1], team};
    team->run(team, part, &job, numbers[0]);
}
"""
)
"""Who computes each part, of which each divides its work once more."""


def sums(rows: int, length: int, threads: int, seed: int = 0) -> None:
    """The sums of rows are NumPy's."""
    x = np.random.default_rng(seed).integers(-99, 99, (rows, length)).astype(float)
    found = np.full(rows, np.nan)
    kernel = library.kernel(SUMS)
    assert kernel is not None
    kernel([x, found], [rows, length], threads)
    np.testing.assert_array_equal(found, x.sum(1))


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("rows", [0, 1, 2, 7, 100])
def test_every_part_is_computed_once(rows: int, threads: int) -> None:
    for seed in range(draws(3, 200)):
        sums(rows, 11, threads, seed)


def test_threads_of_python_at_once() -> None:
    def many(seed: int) -> None:
        for k in range(draws(33, 2000)):
            sums(1 + (seed + k) % 40, 20 + k % 7, 1 + k % 4, seed)
            if k % 29 == 0:
                rt.release()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(many, range(4)))


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_no_more_threads_than_asked_for(threads: int) -> None:
    sums(100, 11, 8)  # there are more of them
    kernel = library.kernel(THREADS)
    assert kernel is not None
    who, found = np.zeros(24, np.uint64), np.zeros(24, int)
    kernel([who, found], [24], threads)
    assert 1 <= len(set(who.tolist())) <= threads
    assert threads == 1 or len(set(who.tolist())) > 1
    assert found.tolist() == [45] * 24


def tasks() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are told elsewhere")
def test_workers_are_started_when_they_are_needed_and_end_with_release() -> None:
    rt.release()
    before = tasks()
    sums(100, 11, 1)
    sums(1, 11, 8)
    assert tasks() == before
    sums(100, 11, 3)
    assert tasks() == before + 2
    sums(100, 11, 2)
    assert tasks() == before + 2
    sums(2, 11, 8)
    assert tasks() == before + 2
    rt.release()
    assert tasks() == before
    sums(100, 11, 2)
    rt.release()
    rt.release()
    assert tasks() == before


def test_the_lock_of_python_is_free_meanwhile() -> None:
    kernel = library.kernel(THREADS)
    assert kernel is not None
    who, found = np.zeros(200, np.uint64), np.zeros(200, int)
    thread = threading.Thread(target=kernel, args=([who, found], [200], 1))
    thread.start()
    steps = 0
    while thread.is_alive():
        steps += 1
        time.sleep(0.001)
    assert steps > 10


# ----- forks ----------------------------------------------------------------------------------------------------------
def some() -> None:
    for k in range(20):
        sums(1 + k, 11, 3, k)


@forks
def test_a_child_has_a_pool_of_its_own_and_its_parents_goes_on() -> None:
    some()
    in_a_child(some)
    some()
    in_a_child(lambda: in_a_child(some))
    rt.release()
    in_a_child(some)
    some()


@forks
def test_forks_while_other_threads_compute() -> None:
    ended = threading.Event()
    failed: list[BaseException] = []

    def on_and_on() -> None:
        try:
            while not ended.is_set():
                some()
        except BaseException as error:
            failed.append(error)

    busy = [threading.Thread(target=on_and_on) for _ in range(2)]
    for thread in busy:
        thread.start()
    try:
        for _ in range(draws(3, 100)):
            in_a_child(some)
            some()
    finally:
        ended.set()
        for thread in busy:
            thread.join()
    assert not failed


@forks
def test_a_child_releases_and_ends() -> None:
    some()

    def check() -> None:
        rt.release()
        some()
        rt.release()

    in_a_child(check)


# ----- the end --------------------------------------------------------------------------------------------------------
ENDS = """
import sys, threading, time
import numpy as np
from gradscribe.generated.runtime.machine.native import library
from tests.runtime.native.test_pool import THREADS
kernel = library.kernel(THREADS)
begun = threading.Event()
def on_and_on():
    who, found = np.zeros(50, np.uint64), np.zeros(50, int)
    while True:
        kernel([who, found], [50], 2)
        begun.set()
threading.Thread(target=on_and_on, daemon=True).start()
begun.wait()
print("fine")
"""


def test_a_process_ends_while_its_threads_compute() -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    for _ in range(draws(1, 10)):
        done = subprocess.run(
            [sys.executable, "-c", ENDS], env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "fine\n", "")


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="Linux says where threads are")
def test_a_worker_that_sleeps_is_kept_from_the_processor_of_its_caller() -> None:
    allowed = os.sched_getaffinity(0)
    if len(allowed) < 2:
        pytest.skip("there is one processor")
    rt.release()
    for _ in range(3):
        sums(64, 500, 2)
        time.sleep(0.02)  # the worker has gone to sleep
    tasks = [int(task.name) for task in Path("/proc/self/task").iterdir()]
    assert any(os.sched_getaffinity(task) < allowed for task in tasks)
    assert os.sched_getaffinity(0) == allowed


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="Linux says where threads are")
def test_one_processor_is_enough_for_two_threads() -> None:
    allowed = os.sched_getaffinity(0)
    rt.release()
    try:
        os.sched_setaffinity(0, {min(allowed)})
        for _ in range(3):
            sums(64, 500, 2)
            time.sleep(0.01)
    finally:
        os.sched_setaffinity(0, allowed)
        rt.release()
