"""Which compiler is taken, what it says, and what becomes of one that does not work."""

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gradscribe.generated.runtime.machine.native import compiler, running, searching
from tests.runtime.native.texts import ROOT, counting, program, runs

pytestmark = pytest.mark.usefixtures("compiles", "cache")


def test_the_vectors_are_those_of_the_processor() -> None:
    found = compiler.compiler()
    assert found is not None
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split() if Path("/proc/cpuinfo").exists() else []
    expected = 64 if "avx512f" in flags else 32 if "avx2" in flags else 16
    assert found.vector == expected
    said = subprocess.run([*found.command, "--version"], capture_output=True, text=True, check=True).stdout
    assert found.version.split()[1] in said


def test_one_that_is_named_is_asked_once_for_a_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named, notes = counting(tmp_path)
    monkeypatch.setenv("CC", f"'{named}' -DA=1 '-DB=2 3'")
    found = compiler.compiler()
    assert found is not None
    assert found.command == (str(named), "-DA=1", "-DB=2 3")
    assert len(runs(notes)) == 2
    assert all("-DA=1 -DB=2 3 -O3" in line for line in runs(notes))
    compiler._search.cache_clear()
    assert compiler.compiler() == found
    assert len(runs(notes)) == 2
    named.write_text(named.read_text(encoding="utf-8") + "# another version\n", encoding="utf-8")
    compiler._search.cache_clear()
    assert compiler.compiler() == found
    assert len(runs(notes)) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo no licence >&2; exit 3", "no licence"),
        ("exit 3", "exit code 3"),
        ("exit 0", "kernel.so"),
        ('touch kernel.so; for a in "$@"; do :; done', "kernel.so"),
        ("kill -9 $$", "exit code -9"),
    ],
)
def test_one_that_does_not_work_is_none(text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", str(program(tmp_path / "broken", text)))
    found = compiler.search()
    assert found.found is None
    assert len(found.failed) == 1
    assert said in found.failed[0][1]


@pytest.mark.parametrize("named", ["no-such-compiler", "cc 'unfinished", "/dev/null", ".", "cc -fnonsense"])
def test_what_is_no_compiler_is_none(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", named)
    found = compiler.search()
    assert found.found is None
    assert found.failed


def test_one_that_hangs_is_ended_with_all_that_it_has_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = tmp_path / "pid"
    monkeypatch.setattr(running, "PATIENCE", 0.5)
    monkeypatch.setenv("CC", str(program(tmp_path / "slow", f"sleep 60 &\necho $! > {pid}\nwait")))
    before = time.monotonic()
    found = compiler.search()
    assert found.found is None
    assert "no result after 0.5 seconds" in found.failed[0][1]
    assert time.monotonic() - before < 20
    started = int(pid.read_text(encoding="utf-8"))
    for _ in range(200):
        if not alive(started):
            return
        time.sleep(0.05)
    raise AssertionError("the compiler's child goes on")


def alive(pid: int) -> bool:
    """Whether it runs; one that nobody has waited for does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text(encoding="utf-8").split()[2] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no compiler be found but those of a folder."""
    folder.mkdir(exist_ok=True)
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(folder))


def test_those_of_the_path_are_tried_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = compiler.compiler()
    assert found is not None
    only(tmp_path / "bin", monkeypatch)
    program(tmp_path / "bin/cc", "exit 1")
    path = os.environ["PATH"]
    program(tmp_path / "bin/clang", f'PATH=/usr/bin:/bin:{path} exec {shlex.join(found.command)} "$@"')
    search = compiler.search()
    assert search.found is not None
    assert search.found.command == (str(tmp_path / "bin/clang"),)
    assert [command for command, _ in search.failed] == [str(tmp_path / "bin/cc")]


def test_the_one_of_python_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = compiler.compiler()
    assert found is not None
    only(tmp_path / "bin", monkeypatch)
    package = tmp_path / "site/ziglang"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('it is not imported')", encoding="utf-8")
    program(package / "zig", f'test "$1" = cc && shift && PATH=/usr/bin:/bin exec {shlex.join(found.command)} "$@"')
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    search = compiler.search()
    assert search.found is not None
    assert search.found.command == (str(package / "zig"), "cc")


def test_without_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(tmp_path / "bin", monkeypatch)
    monkeypatch.setattr(searching, "find_spec", lambda name: None)
    assert compiler.search() == searching.Search(None, ())


NO_SHELL = """
import sys
from gradscribe.generated.runtime.machine.native import compiler
print(compiler.compiler(), *compiler.search().failed)
"""


def test_no_shell_reads_what_is_named(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "CC": f"cc; touch {canary}; $(touch {canary}) `touch {canary}`"}
    done = subprocess.run([sys.executable, "-c", NO_SHELL], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("None")
    assert not canary.exists()
