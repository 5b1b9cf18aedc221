"""Files are replaced as a whole: full disks, kills at any moment, several runs at once, links and folders of others."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gradscribe import layer
from gradscribe.codegen.files import swap, write
from gradscribe.codegen.files.swap import STAGE, held
from gradscribe.codegen.python.text.render import MARK
from gradscribe.codegen.tool.package import generated_modules, stale, write_package
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.layer.interface import Layer

ROOT = Path(__file__).parents[3]
OLD = {name: f"{MARK} old {name}\n" for name in ("a.py", "b.py", "__init__.py", "gone.py", "room/d.py", "room/gone.py")}
NEW = {
    name: f"{MARK} new {name}\n"
    for name in ("a.py", "b.py", "c.py", "__init__.py", "room/d.py", "room/e/f.py", "g/h.py")
}
GONE = ("gone.py", "room/gone.py")
MINE = {"mine.py": "x = 1\n", "notes.txt": "text", "room/notes.txt": "text"}


def contents(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text(encoding="utf-8") for p in folder.rglob("*") if p.is_file()}


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


def failing_after(calls: int, real: Any, failure: Callable[[], Any]) -> Any:
    """The function, until it has been called so often; then `failure` once."""
    count = iter(range(10**6))

    def step(*arguments: Any, **options: Any) -> Any:
        if next(count) == calls:
            failure()
        return real(*arguments, **options)

    return step


def raised(folder: Path) -> BaseException | None:
    """What replacing the files comes to."""
    try:
        replace(folder)
    except (OSError, KeyboardInterrupt) as error:
        return error
    return None


def full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def interrupted() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("failure", [full, interrupted])
@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[name for _, name in STEPS])
def test_whatever_fails_the_old_files_are_there_and_nothing_else(
    tmp_path: Path, folder: Path, owner: Any, name: str, failure: Callable[[], None]
) -> None:
    """Or all of the new ones, when it is only the tidying up that fails."""
    failures = 0
    for calls in range(40):
        copy = tmp_path / f"copy{calls}"
        shutil.copytree(folder, copy)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, name, failing_after(calls, getattr(owner, name), failure))
            error = raised(copy)
        failures += error is not None
        assert contents(copy) == ({**OLD, **MINE} if error else {**NEW, **MINE})
        assert folders(copy) == ({"room"} if error else {"room", "room/e", "g"})
        assert not isinstance(error, OSError) or str(copy) in str(error)
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


def undone(folder: Path) -> None:
    with held(folder):
        pass


def visible_files(folder: Path) -> dict[str, str]:
    return {name: text for name, text in contents(folder).items() if not name.startswith(STAGE)}


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a child that was forked")


@needs_fork
def test_a_kill_at_any_moment_leaves_one_set_or_is_undone_by_the_next_run(tmp_path: Path, folder: Path) -> None:
    sets = ({**OLD, **MINE}, {**NEW, **MINE})
    for lines in range(0, 1000, 3):
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
    for more in range(0, 1000, 3):
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
GENERATE = """
import sys
from pathlib import Path
from gradscribe.codegen.tool.package import write_package
from gradscribe import layer
for name in sys.argv[2:]:
    write_package([layer("y[n] = x[n]^2", name)], Path(sys.argv[1]))
"""


def started(folder: Path, *names: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", GENERATE, str(folder), *names], env=environment)


def test_two_runs_into_one_folder_lose_nothing(tmp_path: Path) -> None:
    names = [[f"{letter}{k}" for k in range(4)] for letter in "pq"]
    runs = [started(tmp_path / "both", *of) for of in names]
    assert [run.wait(60) for run in runs] == [0, 0]
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


# ----- what lies in the way -------------------------------------------------------------------------------------------
def own(name: str, text: str = "y[n] = x[n]^2") -> Layer:
    return layer(text, name)


@pytest.mark.parametrize("kind", ["text", "link", "broken link", "folder", "pipe"])
def test_what_was_not_generated_is_left_alone(tmp_path: Path, kind: str) -> None:
    folder, other = tmp_path / "package", tmp_path / "other.py"
    folder.mkdir()
    other.write_text(f"{MARK} somewhere else\n", encoding="utf-8")
    place = folder / "square.py"
    match kind:
        case "text":
            place.write_text("mine = 1\n", encoding="utf-8")
        case "link":
            place.symlink_to(other)
        case "broken link":
            place.symlink_to(tmp_path / "nowhere")
        case "folder":
            place.mkdir()
        case "pipe":
            os.mkfifo(place)
    with pytest.raises(FileExistsError, match=r"square\.py was not generated"):
        write_package([own("square")], folder)
    assert [p.name for p in folder.iterdir()] == ["square.py"]
    assert other.read_text(encoding="utf-8") == f"{MARK} somewhere else\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other.py", "package"]


@pytest.mark.parametrize("kind", ["module", "text", "file", "link", "link within", "folder within", "empty"])
def test_a_folder_in_the_place_of_the_runtime_is_left_alone(tmp_path: Path, kind: str) -> None:
    folder, other = tmp_path / "package", tmp_path / "other"
    place = folder / "runtime"
    other.mkdir()
    folder.mkdir()
    match kind:
        case "file":
            place.write_text("mine", encoding="utf-8")
        case "link":
            place.symlink_to(other)
        case _:
            place.mkdir()
    match kind:
        case "module":
            (place / "__init__.py").write_text("mine = 1\n", encoding="utf-8")
        case "text":
            (place / "notes.txt").write_text("mine", encoding="utf-8")
        case "link within":
            (place / "machine").symlink_to(other)
        case "folder within":
            (place / "data").mkdir()
            (place / "data/notes.txt").write_text("mine", encoding="utf-8")
    before = contents(folder)
    if kind == "empty":
        write_package([own("square")], folder)
        assert (place / "__init__.py").is_file()
        return
    with pytest.raises(FileExistsError, match="was not generated"):
        write_package([own("square")], folder)
    assert contents(folder) == before
    assert [p.name for p in folder.iterdir()] == ["runtime"]
    assert not list(other.iterdir())


def test_a_link_within_a_runtime_is_left_alone(tmp_path: Path) -> None:
    write_package([own("square")], tmp_path / "package")
    machine = tmp_path / "package/runtime/machine"
    shutil.move(machine, tmp_path / "elsewhere")
    machine.symlink_to(tmp_path / "elsewhere")
    before = contents(tmp_path)
    with pytest.raises(FileExistsError, match="machine was not generated"):
        write_package([own("cube", "y[n] = x[n]^3")], tmp_path / "package")
    assert contents(tmp_path) == before


def test_what_other_versions_have_left_of_a_runtime_goes(tmp_path: Path) -> None:
    """A runtime that was one file, a module that there is no more; not what the user has put there."""
    write_package([own("square")], tmp_path)
    fresh = contents(tmp_path)
    left = {"runtime.py", "transforms.py", "runtime/strategy.py", "runtime/machine/clock.py"}
    for name in left:
        (tmp_path / name).write_text(f"{MARK} a template.\nclass Layer:\n    pass\n", encoding="utf-8")
    (tmp_path / "runtime/mine.py").write_text("x = 1\n", encoding="utf-8")
    assert len(stale([own("square")], tmp_path, whole=False)) == len(left)
    assert {p.relative_to(tmp_path).as_posix() for p in write_package([own("square")], tmp_path)} == left
    assert contents(tmp_path) == {**fresh, "runtime/mine.py": "x = 1\n"}
    assert stale([own("square")], tmp_path, whole=True) == []


LOOPED = "y[n,c] = relu(x[n,c] - v[n,c])*v[n,c] + abs(x[n,c])"


def test_compiled_loops_come_and_go_with_their_module(tmp_path: Path) -> None:
    write_package([own("mine", LOOPED), own("other", LOOPED)], tmp_path)
    loops = {"compiled/__init__.py", "compiled/mine.py", "compiled/other.py"}
    assert {name for name in contents(tmp_path) if name.startswith("compiled/")} == loops
    found = write_package([own("mine")], tmp_path)
    assert {p.relative_to(tmp_path).as_posix() for p in found} == {"__init__.py", "mine.py", "compiled/mine.py"}
    assert {name for name in contents(tmp_path) if name.startswith("compiled/")} == loops - {"compiled/mine.py"}
    assert stale([own("mine")], tmp_path, whole=False) == []
    (tmp_path / "other.py").unlink()
    assert [p.name for p in write_package([own("mine")], tmp_path) if p.parent.name == "compiled"] == ["other.py"]
    assert len(stale([own("mine")], tmp_path, whole=True)) == 1  # the file of the package of loops


def test_a_folder_in_the_place_of_compiled_loops_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "compiled").mkdir()
    (tmp_path / "compiled/notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match="was not generated"):
        write_package([own("mine", LOOPED)], tmp_path)
    assert contents(tmp_path) == {"compiled/notes.txt": "mine"}
    write_package([own("mine")], tmp_path)  # which has none
    assert contents(tmp_path)["compiled/notes.txt"] == "mine"


def test_a_layer_may_be_called_as_a_file_that_packages_had(tmp_path: Path) -> None:
    write_package([own("transforms")], tmp_path)
    assert "transforms.py" not in {p.name for p in write_package([own("square")], tmp_path) if p.parent == tmp_path}
    assert sorted(generated_modules(tmp_path)) == ["square", "transforms"]


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="file: expected a folder"):
        write_package([own("square")], tmp_path / "file")


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


def test_a_file_whose_name_is_no_module_does_not_get_into_the_package(tmp_path: Path) -> None:
    write_package([own("square")], tmp_path)
    text = (tmp_path / "square.py").read_text(encoding="utf-8")
    (tmp_path / "x import y; hostile() #.py").write_text(text, encoding="utf-8")
    write_package([own("cube", "y[n] = x[n]^3")], tmp_path)
    assert "hostile" not in (tmp_path / "__init__.py").read_text(encoding="utf-8")
    assert sorted(generated_modules(tmp_path)) == ["cube", "square"]


def test_a_pipe_does_not_stop_a_check(tmp_path: Path) -> None:
    write_package([own("square")], tmp_path)
    os.mkfifo(tmp_path / "pipe.py")
    assert stale([own("square")], tmp_path, whole=True) == []


# ----- names that would be one ----------------------------------------------------------------------------------------
CLASHES = {
    "the package's own": [["__init__"], ["runtime"], ["settings"], ["Sequential"], ["__path__"]],
    "case": [["gate", "Gate"], ["Runtime"], ["straße", "strasse"]],
    "class": [["x1", "x_1"], ["sequential"], ["foo_bar", "FooBar"]],
    "no module": [["a b"], ["../out"], ["class"], [""], ["a.b"], ["ﬁ"], ["x\n"]],
}


@pytest.mark.parametrize("names", [n for group in CLASHES.values() for n in group], ids=str)
def test_names_that_would_be_one_are_refused_before_anything_is_written(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(EquationError, match="expected another name"):
        write_package([own(name, f"y[n] = {k + 2}*x[n]") for k, name in enumerate(names)], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_names_are_compared_with_those_in_the_folder(tmp_path: Path) -> None:
    write_package([own("gate")], tmp_path)
    before = contents(tmp_path)
    for name in ("Gate", "GATE"):
        with pytest.raises(EquationError, match=f"{name} and .*gate would be one"):
            write_package([own(name)], tmp_path)
    assert contents(tmp_path) == before
    assert write_package([own("gate"), own("gate")], tmp_path) == []
    with pytest.raises(EquationError, match="two different layers"):
        write_package([own("gate"), own("gate", "y[n] = x[n]")], tmp_path)


# ----- single files ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / "page.txt"
    path.write_text("old", encoding="utf-8")
    owner = os if step == "fsync" else Path
    monkeypatch.setattr(owner, step, failing_after(0, getattr(owner, step), full))
    with pytest.raises(OSError, match="No space left") as caught:
        write.write(path, "new")
    assert caught.value.filename == str(path)
    assert contents(tmp_path) == {"page.txt": "old"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
def test_devices_and_pipes_are_written_to(tmp_path: Path) -> None:
    write.write("/dev/null", "text")
    with pytest.raises(OSError, match="/dev/full"):
        write.write("/dev/full", "text")
    assert not Path("/dev/null").is_file()


def test_links_and_permissions_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("old", encoding="utf-8")
    real.chmod(0o640)
    link.symlink_to(real)
    write.write(link, "new\n")
    assert link.is_symlink()
    assert real.read_bytes() == b"new\n"
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_new_file_has_the_permissions_that_the_user_wants(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write.write(tmp_path / "page.txt", "text")
        write_package([own("square")], tmp_path / "package")
    finally:
        os.umask(old)
    assert (tmp_path / "page.txt").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "package/square.py").stat().st_mode & 0o777 == 0o640


def test_half_a_surrogate_pair_is_written_as_an_escape(tmp_path: Path) -> None:
    write.write(tmp_path / "page.txt", "\ud800")
    assert (tmp_path / "page.txt").read_text(encoding="utf-8") == "\\ud800"
