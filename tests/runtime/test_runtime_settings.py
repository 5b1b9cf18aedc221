"""`settings` of the runtime: what is in force when, what is refused, and threads that are given back."""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.contractions import choice
from gradscribe.generated.runtime.contractions.contraction import Contraction
from gradscribe.generated.runtime.machine.threads import WORTH_A_THREAD, blas, in_threads, thread_count
from tests.runtime.rooms import forget_plans, set_in_all


def blas_threads() -> list[int]:
    """As many as the BLAS of NumPy has now; other packages bring their own."""
    return [library.get_num_threads() for library in blas().lib_controllers]


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All work is worth a thread."""
    set_in_all(monkeypatch, "WORTH_A_THREAD", 0.0)
    forget_plans()
    yield
    forget_plans()


# ----- what is in force -----------------------------------------------------------------------------------------------
def test_settings_hold_within_and_nest() -> None:
    assert rt.current() == rt.Settings("auto", "fast", None, None)
    with rt.settings(accuracy="strict", threads=2) as outer:
        assert outer == rt.current() == rt.Settings("auto", "strict", 2, None)
        with rt.settings(strategy="taps", threads=1):
            assert rt.current() == rt.Settings("auto", "strict", 1, "taps")
        assert rt.current() == outer
    assert rt.current() == rt.Settings()


def test_settings_end_with_an_error() -> None:
    with pytest.raises(KeyError), rt.settings(accuracy="strict"):
        raise KeyError
    assert rt.current() == rt.Settings()


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        ({"accuracy": "exact"}, ValueError, ["accuracy", "fast, strict", "'exact'"]),
        ({"backend": "cuda"}, ValueError, ["backend", "auto, numpy, compiled", "'cuda'"]),
        ({"threads": 0}, ValueError, ["threads", "at least 1", "0"]),
        ({"threads": -2}, ValueError, ["threads", "-2"]),
        ({"threads": 1.5}, TypeError, ["threads", "1.5"]),
        ({"threads": "2"}, TypeError, ["threads", "2"]),
    ],
)
def test_wrong_values_are_refused_and_change_nothing(values: Any, kind: type[Exception], words: list[str]) -> None:
    with pytest.raises(kind) as caught, rt.settings(**values):
        raise AssertionError("it was entered")
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert rt.current() == rt.Settings()


def test_the_compiled_backend_needs_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    set_in_all(monkeypatch, "has_c", lambda: False)
    with (
        pytest.raises(ModuleNotFoundError, match="run: pip install ziglang"),
        rt.settings(backend="compiled"),
    ):
        raise AssertionError("it was entered")


def test_another_thread_has_settings_of_its_own() -> None:
    seen: list[rt.Settings] = []
    with rt.settings(accuracy="strict"):
        thread = threading.Thread(target=lambda: seen.append(rt.current()))
        thread.start()
        thread.join()
    assert seen == [rt.Settings()]


def test_a_strategy_that_cannot_be_taken_is_not() -> None:
    a = np.random.default_rng(0).normal(size=(5, 5))
    with rt.settings(strategy="polyphase"):  # nothing is added to a window
        np.testing.assert_allclose(rt.contract("n c, c k -> n k", a, a), a @ a, rtol=1e-12)


# ----- threads --------------------------------------------------------------------------------------------------------
def test_workers_have_the_settings_and_blas_one_thread_meanwhile(eager: None) -> None:
    before = blas_threads()
    seen: list[tuple[rt.Settings, list[int], bool]] = []
    both = threading.Barrier(2, timeout=30)

    def task(start: int, stop: int) -> None:
        both.wait()  # each of two threads has a part
        seen.append((rt.current(), blas_threads(), threading.current_thread() is threading.main_thread()))

    with rt.settings(accuracy="strict", threads=2) as chosen:
        in_threads(task, 2, 1, 1.0)
    assert sorted(seen, key=lambda entry: entry[2]) == [(chosen, [1] * len(before), caller) for caller in (False, True)]
    assert blas_threads() == before


def test_threads_are_given_back_after_an_error(eager: None) -> None:
    before = blas_threads()

    def task(start: int, stop: int) -> None:
        raise ZeroDivisionError(start)

    for _ in range(3):  # and the next one has threads again
        with rt.settings(threads=2), pytest.raises(ZeroDivisionError):
            in_threads(task, 8, 1, 1.0)
        assert blas_threads() == before
    done: list[str] = []
    with rt.settings(threads=2):
        in_threads(lambda *_: done.append(threading.current_thread().name), 8, 1, 1.0)
    assert len(done) == 8
    assert all(name.startswith(("gradscribe", "MainThread")) for name in done)
    assert blas_threads() == before


def test_all_ranges_are_covered_once(eager: None) -> None:
    for threads in (1, 2, 3, 4):
        for length, step in [(0, 1), (1, 1), (7, 2), (8, 3), (5, 9), (100, 1)]:
            marks = np.zeros(length, int)

            def task(start: int, stop: int, marks: Any = marks) -> None:
                marks[start:stop] += 1

            with rt.settings(threads=threads):
                in_threads(task, length, step, 1.0)
            assert marks.tolist() == [1] * length


def test_a_contraction_has_one_blas_thread_throughout() -> None:
    """Outside of divided work too: threads of BLAS go on spinning."""
    before = blas_threads()
    seen: list[list[int]] = []
    a = np.ones((64, 64))  # BLAS would divide larger products

    def spy(*arguments: Any) -> None:
        seen.append(blas_threads())

    def observe(c: Contraction, compute: Any) -> None:
        way = choice.choice(c, rt.current())
        compute(way._replace(strategy=way.strategy._replace(bind=lambda *_: spy)))

    with choice.observing(observe):
        rt.contract("n c, c k -> n k", a, a)
    assert seen == [[1] * len(before)]
    assert blas_threads() == before


def test_work_of_a_worker_is_not_divided_again(eager: None) -> None:
    counts: list[int] = []
    with rt.settings(threads=2):
        in_threads(lambda *_: counts.append(thread_count(1.0)), 4, 1, 1.0)
    assert counts == [1] * 4


def test_little_work_has_one_thread() -> None:
    with rt.settings(threads=2):
        assert thread_count(WORTH_A_THREAD / 2) == 1
        assert thread_count(WORTH_A_THREAD * 2) == 2


def test_without_threadpoolctl_threads_are_left_to_blas(eager: None, monkeypatch: pytest.MonkeyPatch) -> None:
    set_in_all(monkeypatch, "blas", lambda: None)
    a = np.random.default_rng(0).normal(size=(300, 40))
    with rt.settings(threads=2):
        assert thread_count(1.0) == 1
        np.testing.assert_allclose(rt.contract("n c, n k -> c k", a, a), a.T @ a, rtol=1e-10)


def test_a_kernel_in_two_threads_yields_what_one_yields(eager: None) -> None:
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(8, 30, 30, 16)), rng.normal(size=(3, 3, 16, 24))
    found = []
    for threads in (1, 2, 3):
        with rt.settings(threads=threads):
            found.append(rt.contract("n i+r j+t c, r t c k -> n i j k", x, w, sizes={"n": 8, "i": 28, "j": 28}))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found[2], found[0], rtol=1e-12, atol=1e-12)
