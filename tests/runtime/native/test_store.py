"""Files by key: whole or not at all, nobody else's, and not too many."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gradscribe.generated.runtime.machine.native import store
from tests.runtime.native.texts import ROOT

pytestmark = pytest.mark.skipif(os.name != "posix", reason="nothing is compiled here")


def put(name: str, content: bytes = b"machine code") -> Path:
    with store.workplace() as folder:
        made = folder / "made.so"
        made.write_bytes(content)
        return store.keep(made, name)


def test_what_is_kept_is_found(cache: Path) -> None:
    assert store.find("a", ".so") is None
    kept = put("a")
    assert kept.parent == cache
    assert store.find("a", ".so") == kept
    assert kept.read_bytes() == b"machine code"
    assert kept.stat().st_mode & 0o777 == 0o700
    assert store.find("b", ".so") is None
    assert store.find("a", ".json") is None
    assert [entry.name for entry in cache.iterdir()] == [kept.name]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def changed(path: Path) -> None:
    path.write_bytes(b"Machine code")


def open_to_the_group(path: Path) -> None:
    path.chmod(0o770)


def linked(path: Path) -> None:
    elsewhere = path.parent.parent / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_pipe(path: Path) -> None:
    """Whoever reads it waits for ever."""
    path.unlink()
    os.mkfifo(path, 0o600)


def given_away(path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root gives files away")
    os.chown(path, 12345, 12345)


@pytest.mark.parametrize("harm", [cut, emptied, changed, open_to_the_group, linked, a_folder, a_pipe, given_away])
def test_what_is_damaged_or_somebody_elses_is_not_found(harm: Callable[[Path], None], cache: Path) -> None:
    harm(put("a"))
    assert store.find("a", ".so") is None
    if harm is not a_folder:
        assert list(cache.iterdir()) == []
        assert put("a") == store.find("a", ".so")


def test_the_umask_does_not_open_files(cache: Path) -> None:
    before = os.umask(0)
    try:
        kept = put("a")
    finally:
        os.umask(before)
    assert store.find("a", ".so") == kept


def test_those_used_least_recently_go(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_FILES", 3)
    for age, name in enumerate("abc"):
        os.utime(put(name), (1000 + age, 1000 + age))
    assert store.find("a", ".so")
    put("d")
    assert [name for name in "abcd" if store.find(name, ".so")] == ["a", "c", "d"]


def test_the_bytes_are_bounded(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_BYTES", 100)
    for age, name in enumerate("abcd"):
        os.utime(put(name, bytes(40)), (1000 + age, 1000 + age))
    assert [name for name in "abcd" if store.find(name, ".so")] == ["c", "d"]


def test_what_a_process_left_unfinished_is_removed_after_a_while(cache: Path) -> None:
    with store.workplace() as young:
        old = cache / f"{store.UNFINISHED}old"
        old.mkdir()
        (old / "kernel.c").touch()
        os.utime(old, (time.time() - 2 * store.LONGEST,) * 2)
        put("a")
        assert young.is_dir()
    assert not old.exists()
    assert not young.exists()


def test_an_error_leaves_nothing(cache: Path) -> None:
    def fail() -> None:
        with store.workplace() as folder:
            (folder / "half").touch()
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        fail()
    assert list(cache.iterdir()) == []


FORKED = """
import os, threading
from gradscribe.generated.runtime.machine.native import store
inside, leave = threading.Event(), threading.Event()
def make():
    with store.workplace() as folder:
        places.append(folder)
        inside.set()
        leave.wait(60)
places = []
thread = threading.Thread(target=make)
thread.start()
inside.wait(60)
child = os.fork()
if child == 0:
    raise SystemExit  # by way of all that is done at the end
os.waitpid(child, 0)
print(places[0].is_dir())
leave.set()
thread.join()
print(places[0].is_dir())
"""


def test_a_child_that_ends_leaves_what_its_parent_makes(cache: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", FORKED], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "True\nFalse\n"


def test_many_at_once(cache: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        kept = list(threads.map(put, ["a"] * 40))
    assert len(set(kept)) == 1
    assert store.find("a", ".so") == kept[0]


def test_notes(cache: Path) -> None:
    assert store.texts(".txt") == []
    store.note("first\nlines", "a", ".txt")
    put("a")
    assert store.texts(".txt") == ["first\nlines"]


def test_a_key_says_what_it_is_made_of() -> None:
    parts = [("a",), ("b",), ("a", 1), ("a", 1.0), ("a", "1"), (("a", 1),), ("a1",)]
    keys = [store.key(*part) for part in parts]
    assert len(set(keys)) == len(parts)
    assert keys == [store.key(*part) for part in parts]
