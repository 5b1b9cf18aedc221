"""A call in a process of its own gives what a call gives; what is too much is stopped; nothing stays behind."""

import faulthandler
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gradscribe.codegen.tool.finding.find import find_any
from gradscribe.codegen.tool.pages.apart import GIB, Apart, Limits, StoppedError, apart
from gradscribe.derive.language.syntax.located_error import LanguageError

LIMITS = Limits(20, GIB)
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="systems bound processes otherwise")


def twice(value: int) -> int:
    return 2 * value


def waits(path: str) -> None:
    """Start a program that never ends, and wait for it."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as started:
        Path(path).write_text(str(started.pid), encoding="utf-8")
        started.wait()


def turns() -> None:
    while True:
        pass


def hoards() -> None:
    held: list[bytearray] = []
    while True:
        held.append(bytearray(GIB // 8))


def ends() -> None:
    os._exit(3)


def falls() -> None:
    faulthandler.disable()  # no report of it among those of the tests
    os.kill(os.getpid(), 11)


def fails() -> None:
    raise ZeroDivisionError("ours")


def limits() -> tuple[int, int]:
    import resource

    return resource.getrlimit(resource.RLIMIT_CPU)[0], resource.getrlimit(resource.RLIMIT_CORE)[0]


def runs(process: int) -> bool:
    """Whether it does, and is no zombie."""
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_what_a_call_gives_arrives(method: str) -> None:
    assert apart(LIMITS, twice, 21, method=method) == 42


def test_what_a_call_raises_arrives() -> None:
    with pytest.raises(ZeroDivisionError, match="ours") as raised:
        apart(LIMITS, fails)
    assert any("in fails" in note for note in raised.value.__notes__)  # where it was raised


@pytest.mark.parametrize("name", ["y[n] = x[n", "conv2d -> ", "conv2d -> dense(", "conv2", "no.eq"])
def test_a_mistake_in_a_text_is_the_same_mistake(name: str) -> None:
    with pytest.raises(ValueError, match=r".") as here:
        find_any(name)
    with pytest.raises(type(here.value)) as there:
        apart(LIMITS, find_any, name)
    assert str(there.value) == str(here.value)
    assert isinstance(here.value, LanguageError) == ("=" in name)
    attributes = ("message", "line", "column")
    assert [getattr(there.value, a, None) for a in attributes] == [getattr(here.value, a, None) for a in attributes]


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (turns, "stopped after 0.3 s: the text is too much; hint"),
        (ends, "its process ended before it was done (exit code 3)"),
        (falls, "its process ended before it was done (SIGSEGV)"),
    ],
)
def test_a_call_without_an_end_is_stopped(function: Callable[[], None], said: str) -> None:
    start = time.monotonic()
    with pytest.raises(StoppedError) as stopped:
        apart(Limits(0.3, hint="; hint"), function)
    assert str(stopped.value) == said
    assert time.monotonic() - start < 5


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not bound memory")
def test_a_call_that_takes_all_memory_is_stopped() -> None:
    with pytest.raises(StoppedError, match=r"stopped at 0\.5 GiB of memory: the text is too much"):
        apart(Limits(20, GIB // 2), hoards)


def test_the_system_knows_the_limits() -> None:
    assert apart(Limits(2.5), limits) == (4, 0)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it is looked up in /proc")
def test_nothing_stays_behind(tmp_path: Path) -> None:
    place = tmp_path / "started"
    with Apart(LIMITS, waits, str(place)) as call:
        while not (place.exists() and place.read_text(encoding="utf-8")):
            time.sleep(0.01)
        started = int(place.read_text(encoding="utf-8"))
        assert runs(started)
        call.stop()
        with pytest.raises(StoppedError):
            call.result()
    until = time.monotonic() + 5
    while runs(started):
        assert time.monotonic() < until
        time.sleep(0.01)
