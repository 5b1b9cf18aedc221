"""A set of files in a folder, and in folders within it, is replaced as a whole.

New files are complete and on the disk before the first old one goes, and the old ones are kept until the last new one
is in place. What happens meanwhile is undone: an error by the run itself, a kill by the next run. All of that lies in
one folder within the folder of the files:

    .gradscribe/new    the new files
    .gradscribe/old    the files that they replace, and those that go
    .gradscribe/added  the paths of those that replace none, then those of folders made for them, the innermost first
    .gradscribe/begun  there from the first replacement to the last: what lies in `old` has to be put back
"""

import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from gradscribe.codegen.files.present import generated
from gradscribe.codegen.files.write import naming, write_new
from gradscribe.derive.ir.quote import located

STAGE = ".gradscribe"
PATIENCE = 60.0
"""Seconds that one run waits for another."""


def check_folder(folder: Path) -> None:
    """Raise unless there is a folder, or nothing yet.

    Raises:
        NotADirectoryError: when there is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{located(folder)}: expected a folder, found a file")


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make `folder` if it is not there, keep other runs out of it, and undo what an interrupted one left.

    Raises:
        OSError: when it is no folder, cannot be made, or another run is at work for longer than `PATIENCE`.
    """
    missing = [f for f in (folder, *folder.parents) if not f.exists()]
    check_folder(folder)
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with _lock(folder):
            undo(folder)
            yield
    except BaseException:
        with suppress(OSError):  # one that holds something stays
            for made in missing:
                made.rmdir()
        raise


def replace(folder: Path, texts: Mapping[str, str], gone: Sequence[str] = ()) -> None:
    """Write files into a folder that is `held`, and remove others: all of that, or nothing.

    Args:
        folder: of the files.
        texts: of the files by their paths in it, such as "a.py" and "within/a.py".
        gone: the paths of files that go.

    Raises:
        OSError: when that is not possible; all files are the old ones then, and the message names one.
    """
    stage = folder / STAGE
    with naming(folder):
        stage.mkdir()
    try:
        with naming(folder):
            (stage / "new").mkdir()
            (stage / "old").mkdir()
        for name, text in texts.items():
            with naming(folder / name):
                write_new(_with_folders(stage / "new" / name), text.encode())
        for name in (*texts, *gone):
            with naming(folder / name):
                if (folder / name).exists():
                    _keep(folder / name, _with_folders(stage / "old" / name))
        with naming(folder):
            write_new(stage / "added", "\n".join(_added(folder, texts)).encode())
            (stage / "begun").mkdir()
        for name in texts:
            with naming(folder / name):
                (stage / "new" / name).replace(_with_folders(folder / name))
        for name in gone:
            with naming(folder / name):
                (folder / name).unlink(missing_ok=True)
        with naming(folder):
            (stage / "begun").rmdir()
    except BaseException:
        undo(folder)
        raise
    shutil.rmtree(stage, ignore_errors=True)


def _with_folders(path: Path) -> Path:
    """The path, once the folders that it leads through are there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _added(folder: Path, names: Iterable[str]) -> Iterator[str]:
    """The paths that are not there, then those of their folders that are not, the innermost first."""
    new = [PurePosixPath(name) for name in names if not (folder / name).exists()]
    folders = {parent for path in new for parent in path.parents if not (folder / parent).exists()}
    yield from map(str, (*new, *sorted(folders, key=lambda path: -len(path.parts))))


def undo(folder: Path) -> None:
    """Put back what an interrupted run has replaced, and take away what it left; it may be interrupted itself.

    Raises:
        FileExistsError: when something else lies in the place of its files.
    """
    stage = folder / STAGE
    if not stage.is_symlink() and not stage.exists():
        return
    if not _ours(stage):
        raise FileExistsError(f"{located(stage)}: was not made by gradscribe; move it away")
    if (stage / "begun").exists():
        for name in (stage / "added").read_text(encoding="utf-8").split("\n"):
            if _leads_within(folder, name) and generated(folder / name):
                (folder / name).unlink()
            elif name and _leads_within(folder, name) and (folder / name).is_dir():
                with suppress(OSError):  # one that holds something stays
                    (folder / name).rmdir()
        for kept in [path for path in (stage / "old").rglob("*") if path.is_file()]:
            name = kept.relative_to(stage / "old").as_posix()
            if not _leads_within(folder, name):
                raise FileExistsError(
                    f"{located(folder / name)}: a link is in the way of {located(kept)}; move it away"
                )
            place = _with_folders(folder / name)
            if not place.exists() or (generated(place) and not place.samefile(kept)):
                kept.replace(place)
        (stage / "begun").rmdir()
    shutil.rmtree(stage)


def _leads_within(folder: Path, name: str) -> bool:
    """Whether a path stays in the folder, and no link is on its way."""
    path = PurePosixPath(name)
    good = not path.is_absolute() and ".." not in path.parts and path.parts[:1] != (STAGE,)
    return good and not any((folder / parent).is_symlink() for parent in path.parents if parent.parts)


def _ours(stage: Path) -> bool:
    """Whether the folder holds what `replace` puts there and no link, which would lead out of it."""
    if stage.is_symlink() or not stage.is_dir():
        return False
    for path in stage.rglob("*"):
        room, *within = path.relative_to(stage).parts
        folder = path.is_dir() and (room in ("new", "old") or (room == "begun" and not within))
        file = path.is_file() and ((room == "added" and not within) or (room in ("new", "old") and bool(within)))
        if path.is_symlink() or not (folder or file):
            return False
    return True


def _keep(path: Path, copy: Path) -> None:
    """The same file under a second name; a copy of it on disks that know no second names."""
    try:
        copy.hardlink_to(path)
    except OSError:
        shutil.copy2(path, copy)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold the folder itself; the system lets it go when the process ends, however it ends."""
    if sys.platform == "win32":
        _refuse_others(folder)
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            _wait(handle, folder)
        except TimeoutError:
            raise
        except OSError:
            _refuse_others(folder)
        yield
    finally:
        os.close(handle)


def _wait(handle: int, folder: Path) -> None:
    import fcntl

    until = time.monotonic() + PATIENCE
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise TimeoutError(f"{located(folder)}: another run writes there; try again when it is done") from None
            time.sleep(0.02)


def _refuse_others(folder: Path) -> None:
    """Where folders cannot be held, as on Windows and some disks of networks: stop at the files of another run."""
    if (folder / STAGE).exists():
        raise FileExistsError(
            f"{located(folder)}: another run writes there, or was stopped; if none does, move the files in "
            f"{STAGE}/old back and remove {STAGE}"
        )
