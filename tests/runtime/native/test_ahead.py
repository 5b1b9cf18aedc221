"""Functions in C before they are called: dry runs that compile several at a time, and compiling in the background."""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradscribe import generated
from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.layers import rehearsal
from gradscribe.generated.runtime.machine import ahead, compiled
from gradscribe.generated.runtime.machine.native import library, objects
from gradscribe.generated.runtime.recording import dry_runs
from tests.runtime.native.conftest import forget
from tests.runtime.native.texts import DOUBLED, ROOT
from tests.runtime.rooms import forget_plans

pytestmark = pytest.mark.usefixtures("compiles")
FLOATS = (("FLOAT", "float"), ("FACTOR", 3))
IMPORTS = "from tests.runtime.native.test_ahead import by, finished, rt"
PATIENCE = 60
"""Seconds until a compiler counts as hanging."""


@pytest.fixture
def anew(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Nothing has been compiled, or bound to what has been."""
    monkeypatch.setattr(ahead, "_background", [ahead.Background()])
    compiled._compiled.cache_clear()
    forget_plans()
    yield cache
    finished()
    compiled._compiled.cache_clear()
    forget_plans()


def finished() -> None:
    """Waits for the background."""
    end = time.monotonic() + PATIENCE
    while rt.compiling():
        assert time.monotonic() < end
        time.sleep(0.01)


# ----- several at a time ----------------------------------------------------------------------------------------------
FIRST = """
import json, threading
import numpy as np
from gradscribe import generated
from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.layers import rehearsal
from gradscribe.generated.runtime.recording import dry_runs
from gradscribe.generated.runtime.machine.native import objects

lock, now, most, together, apart = threading.Lock(), [0], [0], [0], [0]
inside, made, run = [False], objects._made, dry_runs.make_together

def counted(*given):
    with lock:
        (together if inside[0] else apart)[0] += 1
        now[0] += 1
        most[0] = max(most[0], now[0])
    try:
        return made(*given)
    finally:
        with lock:
            now[0] -= 1

def noted(requests, make):
    inside[0] = True
    try:
        return run(requests, make)
    finally:
        inside[0] = False

with rt.settings(backend="compiled"):
    objects._made, dry_runs.make_together = counted, noted
    net, rng = generated.LeNet(rng=0), np.random.default_rng(0)
    x = rng.standard_normal((2, 32, 32, 1), np.float32)
    y = net.predict(x)
    print(json.dumps([together[0], apart[0], most[0], float(y.sum())]))
"""


def test_a_networks_functions_are_compiled_together_on_all_cores(cache: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GRADSCRIBE_CACHE": str(cache)}
    told = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", FIRST], env=environment, capture_output=True, text=True, check=True, timeout=300
        )
        told.append(json.loads(done.stdout))
    (together, apart, most, result), (again, *_, repeated) = told
    assert together >= 4
    assert apart == 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert 1 <= most <= (cores or 1)
    assert most > 1 or cores == 1
    assert again == 0
    assert result == repeated


def rows(other: Any = None) -> rt.Sequential:
    own = [generated.Conv2D(3, 8, 3, padding=1, rng=0), generated.BatchNorm(8), generated.ReLU()]
    return rt.Sequential(*own, *([other] if other else []), generated.MaxPool2D(2), generated.Flatten())


def test_a_dry_run_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    x, dy = rng.standard_normal((2, 12, 12, 3), np.float32), rng.standard_normal((2, 288), np.float32)
    kept = x.copy(), dy.copy()
    found = []
    with rt.settings(backend="compiled"):
        for dry in (True, False):
            if not dry:
                monkeypatch.setattr(rehearsal, "compile_ahead", lambda _: 0)
            row = rows()
            y = row(x)
            dx = row.backward(dy)
            state = {name: a for layer in row.layers for name, a in getattr(layer, "state", {}).items()}
            found.append({"y": y, "dx": dx, "predicted": row.predict(x), **row.params, **row.grads, **state})
    assert found[0].keys() == found[1].keys()
    for name, array in found[0].items():
        np.testing.assert_array_equal(array, found[1][name], err_msg=name)
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(dy, kept[1])


def test_a_layer_of_somebody_else_is_called_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting:
        calls = 0

        def __call__(self, x: Any) -> Any:
            self.calls += 1
            return x

    class Own(generated.ReLU):
        calls = 0

        def __call__(self, x: Any) -> Any:
            Own.calls += 1
            return super().__call__(x)

    other, x = Counting(), np.ones((1, 8, 8, 3), np.float32)
    with rt.settings(backend="compiled"):
        rows(other)(x)
        rows(Own())(x)
    assert other.calls == Own.calls == 1


def test_a_mistake_is_told_as_before() -> None:
    net = generated.LeNet(rng=0)
    with rt.settings(backend="compiled"):
        with pytest.raises(ValueError, match="lenet"):
            net(np.ones((2, 5, 32, 1), np.float32))
        with pytest.raises(TypeError, match="unexpected keyword"):
            net(**{"images": 1})


def test_a_dry_run_that_fails_compiles_what_it_has_asked_for(anew: Path) -> None:
    def fails() -> None:
        library.kernel(DOUBLED, FLOATS)
        raise ZeroDivisionError

    assert dry_runs.compile_ahead(fails) == 1
    assert len(list(anew.glob("*.so"))) >= 1
    assert ahead.dry_run() is None


def test_numpy_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "compile_ahead", lambda _: pytest.fail("nothing is compiled"))
    for backend in ("numpy", "background"):
        with rt.settings(backend=backend):
            rows()(np.ones((1, 8, 8, 3), np.float32))


# ----- in the background ----------------------------------------------------------------------------------------------
def large() -> tuple[Callable[[], Any], Callable[[], Any]]:
    """A convolution and a pool that "auto" would compile."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((4, 40, 40, 16), np.float32), rng.standard_normal((3, 3, 16, 16), np.float32)
    return (
        lambda: generated.conv2d_forward(x, w, padding=1),
        lambda: generated.max_pool2d_forward(x, kernel_size=3, stride=2, padding=1)[0],
    )


made = objects._made


def slowly(*given: Any) -> Path:
    """A compiler that takes its time."""
    time.sleep(0.3)
    return made(*given)


def by(backend: str) -> list[Any]:
    with rt.settings(backend=backend):
        return [call() for call in large()]


def test_numpy_computes_until_the_functions_are_there(anew: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert library.available()
    kept = len(list(anew.glob("*.so")))
    monkeypatch.setattr(objects, "_made", slowly)
    alone, first = by("numpy"), by("background")
    assert rt.compiling() == 2
    assert len(list(anew.glob("*.so"))) == kept
    for one, other in zip(alone, first, strict=True):
        np.testing.assert_array_equal(one, other)
    finished()
    assert len(list(anew.glob("*.so"))) == kept + 2
    for one, other in zip(by("background"), by("auto"), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_cannot_be_compiled_is_left_to_numpy(anew: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gradscribe.generated.runtime.machine.native import running

    assert library.available()
    tried = []

    def fails(*_: Any) -> str:
        tried.append(1)
        raise running.Failure("refused")

    with monkeypatch.context() as patch:
        patch.setattr(objects, "run", fails)
        alone = by("numpy")
        for _ in range(3):
            for one, other in zip(alone, by("background"), strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
            finished()
    assert len(tried) == 2
    assert sorted(objects.failures.values()) == ["refused"] * 2
    objects.failures.clear()
    forget()


def test_without_a_compiler_it_is_numpy(anew: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    for _ in range(2):
        for one, other in zip(by("numpy"), by("background"), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
        finished()


def test_several_threads_ask_once(anew: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert library.available()
    names: list[str] = []

    def noted(*given: Any) -> Path:
        names.append(given[-1])
        return slowly(*given)

    monkeypatch.setattr(objects, "_made", noted)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(by, ["background"] * 8):
            assert len(found) == 2
    finished()
    assert len(names) == len(set(names)) == 2


def _child(queue: Any) -> None:
    first = by("background")
    finished()
    queue.put([a.tobytes() for a in (*first, *by("background"))])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.thorough
def test_a_forked_child_and_its_parent_compile_each_for_itself(anew: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert library.available()
    monkeypatch.setattr(objects, "_made", slowly)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    by("background")
    assert rt.compiling() == 2
    child = context.Process(target=_child, args=(queue,))
    child.start()
    try:
        found = queue.get(timeout=PATIENCE)
        child.join(PATIENCE)
    finally:
        child.kill()
    finished()
    expected = [a.tobytes() for a in (*by("numpy"), *by("auto"))]
    assert found == expected


@pytest.mark.thorough
def test_two_processes_share_what_they_make(cache: Path) -> None:
    program = f"{IMPORTS}\nby('background')\nfinished()\nprint(len(by('background')))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GRADSCRIBE_CACHE": str(cache)}
    started = [
        subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=300)[0].strip() for process in started] == ["2", "2"]
    names = [path.name.partition("-")[0] for path in cache.glob("*.so")]
    assert len(names) == len(set(names)) == 3
    assert not list(cache.glob(".new-*"))


def test_a_process_ends_while_something_is_compiled(cache: Path) -> None:
    program = (
        "from tests.runtime.native.test_ahead import by, finished, rt\nby('background')\nprint(rt.compiling() > 0)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GRADSCRIBE_CACHE": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    assert done.stdout.strip() == "True"
    assert done.stderr == ""
