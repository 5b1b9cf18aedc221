"""Files by key: compiled functions and what is known of compilers, in the folder of the user.

A file's name is its key and a hash of what it holds: one that was cut off or changed is noticed. It is there as a whole
or not at all, however many processes write it.
"""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from .folder import owned, readable, writable

MOST_FILES, MOST_BYTES = 1024, 512 << 20
"""Beyond, those that were used least recently are removed. One that is loaded goes on without its name."""

UNFINISHED = ".new-"
LONGEST = 3600
"""Seconds after which a folder of something unfinished belongs to a process that is no more."""


def key(*parts: object) -> str:
    """A name for what is made from these parts, which have a `repr` that says all of them."""
    return _hash(repr(parts).encode())


def find(name: str, suffix: str) -> Path | None:
    """The file of a key, checked; None where there is none. A damaged one is removed."""
    for folder in readable():
        for path in _named(folder, name, suffix):
            if _sound(path):
                with suppress(OSError):
                    os.utime(path)
                return path
            with suppress(OSError):
                path.unlink()
    return None


@contextmanager
def workplace() -> Iterator[Path]:
    """An empty folder to make something in, on the disk of the store; it ends with a ``with`` statement.

    Raises:
        OSError: when there can be none.
    """
    own = Path(mkdtemp(prefix=UNFINISHED, dir=writable()))
    try:
        yield own
    finally:  # and not when a child that was forked meanwhile ends, as that of TemporaryDirectory
        rmtree(own, ignore_errors=True)


def keep(made: Path, name: str) -> Path:
    """Put a file from a workplace into the store, under a key; the suffix stays.

    Raises:
        OSError: when it cannot be.
    """
    folder = made.parent.parent
    made.chmod(0o700)  # whatever the umask is
    kept = made.replace(folder / f"{name}-{_hash(made.read_bytes())}{made.suffix}")
    _bound(folder)
    return kept


def note(text: str, name: str, suffix: str) -> None:
    """Keep a text under a key, where that can be done."""
    with suppress(OSError), workplace() as folder:
        written = folder / f"note{suffix}"
        written.write_text(text, encoding="utf-8")
        keep(written, name)


def texts(suffix: str) -> list[str]:
    """What has been noted with a suffix, the latest first."""
    files = [path for folder in readable() for _, _, path in reversed(contents(folder)) if path.suffix == suffix]
    return [path.read_text(encoding="utf-8") for path in files if _sound(path)]


def contents(folder: Path) -> list[tuple[float, int, Path]]:
    """When each file was used last, its bytes, and where it is; the least recently used come first."""
    found = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                known = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(known.st_mode):
                    found.append((known.st_mtime, known.st_size, Path(entry.path)))
    return sorted(found)


def _named(folder: Path, name: str, suffix: str) -> list[Path]:
    with suppress(OSError), os.scandir(folder) as entries:
        return sorted(Path(e.path) for e in entries if e.name.startswith(f"{name}-") and e.name.endswith(suffix))
    return []


def _sound(path: Path) -> bool:
    """Whether a file is the user's own and holds what its name says; nobody else can put another into its folder."""
    with suppress(OSError):
        return owned(path.lstat(), stat.S_ISREG) and path.stem.rpartition("-")[2] == _hash(path.read_bytes())
    return False


def _hash(content: bytes) -> str:
    return sha256(content).hexdigest()[:32]


def _bound(folder: Path) -> None:
    files = contents(folder)
    size = sum(number for _, number, _ in files)
    for k, (_, number, path) in enumerate(files):
        if len(files) - k <= MOST_FILES and size <= MOST_BYTES:
            break
        size -= number
        with suppress(OSError):
            path.unlink()
    with suppress(OSError):
        for left in folder.glob(f"{UNFINISHED}*"):
            if time.time() - left.lstat().st_mtime > LONGEST:
                rmtree(left, ignore_errors=True)
