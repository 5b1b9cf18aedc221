"""A set of files is replaced as a whole: full disks, kills at any moment, several runs at once."""

import errno
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gradscribe.codegen.files import swap
from gradscribe.codegen.files.swap import STAGE, held
from gradscribe.codegen.python.text.render import MARK
from gradscribe.codegen.tool.package import generated_modules, write_package
from tests.cases.folders import contents, failing_after, full, own
from tests.cases.thorough import THOROUGH

OLD = {name: f"{MARK} old {name}\n" for name in ("a.py", "b.py", "__init__.py", "gone.py", "room/d.py", "room/gone.py")}
NEW = {
    name: f"{MARK} new {name}\n"
    for name in ("a.py", "b.py", "c.py", "__init__.py", "room/d.py", "room/e/f.py", "g/h.py")
}
GONE = ("gone.py", "room/gone.py")
MINE = {"mine.py": "x = 1\n", "notes.txt": "text", "room/notes.txt": "text"}


def folders(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_dir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A package of old files beside files of the user's own."""
    path = tmp_path / "package"
    for name, text in {**OLD, **MINE}.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, encoding="utf-8")
    return path


def replace(folder: Path) -> None:
    with held(folder):
        swap.replace(folder, NEW, GONE)


def test_a_set_of_files_is_replaced(folder: Path) -> None:
    replace(folder)
    assert contents(folder) == {**NEW, **MINE}
    assert folders(folder) == {"room", "room/e", "g"}


# ----- errors at every step -------------------------------------------------------------------------------------------
STEPS = [
    (Path, "mkdir"), (Path, "open"), (Path, "hardlink_to"), (Path, "replace"), (Path, "rmdir"), (os, "fsync"),
]  # fmt: skip


def raised(folder: Path) -> BaseException | None:
    """What replacing the files comes to."""
    try:
        replace(folder)
    except (OSError, KeyboardInterrupt) as error:
        return error
    return None


def interrupted() -> None:
    raise KeyboardInterrupt


@pytest.mark.thorough
@pytest.mark.parametrize("failure", [full, interrupted])
@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[name for _, name in STEPS])
def test_whatever_fails_the_old_files_are_there_and_nothing_else(
    tmp_path: Path, folder: Path, owner: Any, name: str, failure: Callable[[], None]
) -> None:
    """Or all of the new ones, when it is only the tidying up that fails."""
    failures = 0
    for calls in range(40):
        copy = tmp_path / f"copy{calls}"
        failed: list[int] = []

        def fails(calls: int = calls, failed: list[int] = failed) -> None:
            failed.append(calls)
            failure()

        shutil.copytree(folder, copy)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, name, failing_after(calls, getattr(owner, name), fails))
            error = raised(copy)
        failures += error is not None
        assert contents(copy) == ({**OLD, **MINE} if error else {**NEW, **MINE})
        assert folders(copy) == ({"room"} if error else {"room", "room/e", "g"})
        assert not isinstance(error, OSError) or str(copy) in str(error)
        if not failed:  # nor would it be after more calls
            break
    assert failures >= (0 if name == "hardlink_to" and failure is full else 1)  # then a copy is made


def test_an_empty_folder_that_was_there_stays_when_that_is_undone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new file was to lie in it; only folders made for new files go."""
    (folder / "g").mkdir()
    monkeypatch.setattr(Path, "replace", failing_after(len(NEW) - 1, Path.replace, full))
    assert raised(folder)
    assert contents(folder) == {**OLD, **MINE}
    assert folders(folder) == {"room", "g"}


def test_a_disk_that_knows_no_second_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "hardlink_to", refuses)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", failing_after(1, Path.replace, full))
        assert "b.py" in str(raised(folder))
    assert contents(folder) == {**OLD, **MINE}
    replace(folder)
    assert contents(folder) == {**NEW, **MINE}


def test_a_folder_made_for_nothing_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: full())
    with pytest.raises(OSError, match=r"new/folder/[\w/]+\.py"):
        replace(tmp_path / "new/folder")
    assert list(tmp_path.iterdir()) == []


# ----- kills ----------------------------------------------------------------------------------------------------------
def killed(run: Callable[[Path], None], folder: Path, lines: int) -> bool:
    """Whether a process was killed, without a chance to tidy up, after so many lines of what replaces the files."""
    left = iter(range(lines))

    def trace(frame: Any, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.endswith(("codegen/files/swap.py", "codegen/files/write.py")):
            return None
        if event == "line" and next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    child = os.fork()
    if child == 0:
        sys.settrace(trace)
        run(folder)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def moments() -> Iterator[int]:
    """Lines after which a run is killed: steps of many lengths, as loops have lengths of their own."""
    steps, lines = Random(0), 0
    while lines < 2000:
        yield lines
        lines += 1 if THOROUGH else steps.randint(1, 21)


def undone(folder: Path) -> None:
    with held(folder):
        pass


def visible_files(folder: Path) -> dict[str, str]:
    return {name: text for name, text in contents(folder).items() if not name.startswith(STAGE)}


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a child that was forked")


@pytest.mark.thorough
@needs_fork
def test_a_kill_at_any_moment_leaves_one_set_or_is_undone_by_the_next_run(tmp_path: Path, folder: Path) -> None:
    sets = ({**OLD, **MINE}, {**NEW, **MINE})
    for lines in moments():
        copy = tmp_path / str(lines)
        shutil.copytree(folder, copy)
        stopped = killed(replace, copy, lines)
        between = visible_files(copy)
        undone(copy)
        assert contents(copy) in sets
        assert folders(copy) == ({"room"} if contents(copy) == sets[0] else {"room", "room/e", "g"})
        if between not in sets:  # between the first file and the last: the run that undoes it may be killed, too
            mixed = lines
        if not stopped:
            break
    assert contents(copy) == sets[1], "the last run came to its end"
    assert mixed
    for more in moments():
        copy = tmp_path / f"again{more}"
        shutil.copytree(folder, copy)
        assert killed(replace, copy, mixed)
        stopped = killed(undone, copy, more)
        undone(copy)
        assert contents(copy) == sets[0]
        assert folders(copy) == {"room"}
        if not stopped:
            break
    assert more


# ----- several runs at once -------------------------------------------------------------------------------------------
def started(folder: Path, *names: str) -> int:
    """A process that writes modules, one run each."""
    child = os.fork()
    if child == 0:
        try:
            for name in names:
                write_package([own(name)], folder)
            os._exit(0)
        finally:
            os._exit(1)
    return child


@pytest.mark.thorough
@needs_fork
def test_two_runs_into_one_folder_lose_nothing(tmp_path: Path) -> None:
    names = [[f"{letter}{k}" for k in range(4)] for letter in "pq"]
    runs = [started(tmp_path / "both", *of) for of in names]
    assert [os.waitpid(run, 0)[1] for run in runs] == [0, 0]
    every = sorted(n for of in names for n in of)
    assert sorted(generated_modules(tmp_path / "both")) == every
    package = (tmp_path / "both/__init__.py").read_text(encoding="utf-8")
    assert all(f'"{name.upper()}"' in package for name in every)


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be held there")
def test_a_run_waits_for_another_one_and_stops_when_that_takes_long(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swap, "PATIENCE", 0.05)
    with held(folder), pytest.raises(OSError, match="another run writes there"):
        replace(folder)
    assert contents(folder) == {**OLD, **MINE}


@pytest.mark.parametrize(
    "trap", ["link", "link within", "name that leads out", "other files", "file", "link on the way"]
)
def test_what_somebody_else_left_is_not_taken_for_an_interrupted_run(tmp_path: Path, folder: Path, trap: str) -> None:
    """A folder may come from a stranger: nothing outside of it, and nothing of the user's in it, is moved."""
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.py").write_text("key", encoding="utf-8")
    stage = folder / STAGE
    if trap == "link":
        stage.symlink_to(secret)
    elif trap == "file":
        stage.touch()
    else:
        (stage / "begun").mkdir(parents=True)
        (stage / "new").mkdir()
        (stage / "added").write_text("../secret/key.py\nmine.py", encoding="utf-8")
        if trap == "link within":
            (stage / "old").symlink_to(secret)
        else:
            (stage / "old").mkdir()
        if trap == "link on the way":
            (stage / "added").write_text("out/key.py\nout/within/", encoding="utf-8")
            (stage / "old/out").mkdir()
            (stage / "old/out/key.py").write_text(f"{MARK} theirs\n", encoding="utf-8")
            (folder / "out").symlink_to(secret)
        if trap == "other files":
            (stage / "my work").write_text("mine", encoding="utf-8")
    before = contents(folder)
    if trap == "name that leads out":
        replace(folder)
        assert contents(folder) == {**NEW, **MINE}
    else:
        with pytest.raises(FileExistsError, match=r"was not made by gradscribe|a link is in the way"):
            replace(folder)
        assert contents(folder) == before
    assert contents(secret) == {"key.py": "key"}
