"""Whose folder compiled functions are loaded from, and what happens where there can be none."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gradscribe.generated.runtime.machine.native import folder
from tests.runtime.native.texts import ROOT

pytestmark = pytest.mark.skipif(os.name != "posix", reason="nothing is compiled here")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"GRADSCRIBE_CACHE": "/a/b", "XDG_CACHE_HOME": "/c"}, "/a/b"),
        ({"GRADSCRIBE_CACHE": "~/b", "HOME": "/h"}, "/h/b"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/gradscribe"),
        ({"HOME": "/h"}, "/h/.cache/gradscribe"),
        ({"HOME": "/h", "XDG_CACHE_HOME": ""}, "/h/.cache/gradscribe"),
    ],
)
@pytest.mark.skipif(sys.platform == "darwin", reason="caches are elsewhere there")
def test_where_it_is(environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRADSCRIBE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert folder.wanted() == Path(expected)


def test_it_is_made_for_the_user_alone_whatever_the_umask_is(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADSCRIBE_CACHE", str(cache / "below"))
    before = os.umask(0)
    try:
        assert folder.refusal() == ""
    finally:
        os.umask(before)
    assert [place.stat().st_mode & 0o777 for place in (cache, cache / "below")] == [0o700, 0o700]
    assert list(folder.readable()) == [cache / "below"]
    assert folder.writable() == cache / "below"


def open_to_the_group(place: Path) -> None:
    place.mkdir()
    place.chmod(0o770)


def open_to_all(place: Path) -> None:
    place.mkdir()
    place.chmod(0o707)


def a_link(place: Path) -> None:
    (place.parent / "elsewhere").mkdir(mode=0o700)
    place.symlink_to(place.parent / "elsewhere")


def a_dangling_link(place: Path) -> None:
    place.symlink_to(place.parent / "nowhere")


def a_file(place: Path) -> None:
    place.touch()


def below_a_file(place: Path) -> None:
    place.parent.rmdir()
    place.parent.touch()


def in_a_folder_open_to_all(place: Path) -> None:
    place.mkdir(mode=0o700)
    place.parent.chmod(0o777)


def of_another_user(place: Path) -> None:
    place.mkdir(mode=0o700)
    if os.geteuid():
        pytest.skip("only root gives folders away")
    os.chown(place, 12345, 12345)


def in_a_folder_of_another_user(place: Path) -> None:
    place.mkdir(mode=0o700)
    if os.geteuid():
        pytest.skip("only root gives folders away")
    os.chown(place.parent, 12345, 12345)


@pytest.mark.parametrize(
    "prepare",
    [
        open_to_the_group, open_to_all, a_link, a_dangling_link, a_file, below_a_file, in_a_folder_open_to_all,
        of_another_user, in_a_folder_of_another_user,
    ],
)  # fmt: skip
def test_one_that_others_can_write_to_is_not_used(
    prepare: Callable[[Path], None], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.mkdir()
    place = cache / "place"
    monkeypatch.setenv("GRADSCRIBE_CACHE", str(place))
    prepare(place)
    assert str(cache) in folder.refusal()
    assert list(folder.readable()) == []
    own = folder.writable()
    assert cache not in (own, *own.parents)
    assert (own.stat().st_mode & 0o777, own.stat().st_uid) == (0o700, os.geteuid())
    assert list(folder.readable()) == [own]


def test_a_sticky_folder_above_does_no_harm(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.mkdir()
    cache.chmod(0o1777)
    monkeypatch.setenv("GRADSCRIBE_CACHE", str(cache / "place"))
    assert folder.refusal() == ""


def test_a_link_above_is_followed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where ~/.cache lies on another disk."""
    cache.mkdir()
    (cache / "disk").mkdir(mode=0o700)
    (cache / "link").symlink_to(cache / "disk")
    monkeypatch.setenv("GRADSCRIBE_CACHE", str(cache / "link/place"))
    assert folder.refusal() == ""
    assert (cache / "disk/place").is_dir()


def test_where_nothing_can_be_written_there_is_a_folder_for_the_process(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.mkdir(mode=0o700)
    monkeypatch.setattr(folder, "is_writable", lambda place: False)
    own = folder.writable()
    assert own != cache
    assert list(folder.readable()) == [cache, own]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder here that not even root can write to")
def test_where_no_folder_can_be_made(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADSCRIBE_CACHE", "/proc/gradscribe")
    assert "/proc/gradscribe" in folder.refusal()
    assert folder.writable().is_dir()


ENDS = """
import os
from gradscribe.generated.runtime.machine.native import folder
own = folder.writable()
child = os.fork()
if child == 0:
    print(folder.writable() != own, flush=True)
    raise SystemExit  # as a child of multiprocessing does not, which ends at once
os.waitpid(child, 0)
print(own.is_dir(), own, sep="\\n")
"""


def test_the_folder_of_a_process_ends_with_it_and_not_with_its_children() -> None:
    env = {**os.environ, "GRADSCRIBE_CACHE": "/dev/null/none", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", ENDS], env=env, capture_output=True, text=True, check=True)
    apart, there, place = done.stdout.split()
    assert (apart, there, Path(place).exists()) == ("True", "True", False)
