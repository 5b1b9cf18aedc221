"""Where what is compiled lies: a folder that is the user's own, and that nobody else can write to."""

import os
import stat
import sys
from atexit import register
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from ..process import process


def wanted() -> Path:
    """The folder by the environment, whether or not it exists.

    Raises:
        RuntimeError: when the user has no home.
    """
    given = os.environ.get("GRADSCRIBE_CACHE")
    if given:
        return Path(given).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/gradscribe"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "gradscribe"


def refusal() -> str:
    """Why nothing is loaded from the folder that is wanted; "" where it is as it should be. It is made if need be."""
    if os.name != "posix":
        return "functions in C are compiled on Linux and macOS only"
    try:
        folder = wanted()
        _make(folder)
        return _refusal(folder)
    except (OSError, RuntimeError) as error:
        return str(error)


def readable() -> Iterator[Path]:
    """The folders that compiled functions are loaded from."""
    if not refusal():
        yield wanted()
    if _private.cache_info().currsize:
        yield _private(process.forks)


def writable() -> Path:
    """The folder that they are written to: one for this process alone where that of the user cannot be.

    Raises:
        OSError: when there is no such folder either.
    """
    return _private(process.forks) if refusal() or not is_writable(wanted()) else wanted()


def is_writable(folder: Path) -> bool:
    """Whether files can be put there."""
    return os.access(folder, os.W_OK | os.X_OK)


@cache
def _private(forks: int) -> Path:
    """A folder that ends with this process; a forked child has one of its own, since its parent may end before it."""
    made, owner = Path(mkdtemp(prefix="gradscribe-")), os.getpid()

    def remove() -> None:
        if os.getpid() == owner:
            rmtree(made, ignore_errors=True)

    register(remove)
    return made


def _make(folder: Path) -> None:
    """Make a folder and those that it lies in, all of them the user's alone whatever the umask is."""
    for missing in reversed([f for f in (folder, *folder.parents) if not f.exists()]):
        missing.mkdir(0o700, exist_ok=True)


def _refusal(folder: Path) -> str:
    """Why a folder that exists is not used. Those above may be links, but nobody else may replace what they hold."""
    real = folder.parent.resolve() / folder.name
    if not owned(real.lstat(), stat.S_ISDIR):
        return (
            f"{folder}: expected a folder that is yours, no symbolic link, and not writable by others; "
            f"try: chmod go-w {folder}, or set GRADSCRIBE_CACHE"
        )
    for above in real.parents:
        found = above.stat()
        others = found.st_mode & stat.S_IWOTH or (
            found.st_mode & stat.S_IWGRP and found.st_gid not in (0, found.st_uid)
        )
        if found.st_uid not in (0, os.geteuid()) or (others and not found.st_mode & stat.S_ISVTX):
            return f"{folder}: others can replace what is in {above}; set GRADSCRIBE_CACHE to a folder of your own"
    return ""


def owned(found: os.stat_result, kind: Callable[[int], bool]) -> bool:
    """Whether something is of a kind, belongs to the user, and nobody else can write to it."""
    return kind(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
