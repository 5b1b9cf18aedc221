"""Files: what is written is there as a whole, or the old file is still there."""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write(path: str | Path, data: str | bytes) -> None:
    """Write a file: it is the old one or the new one, never a part, also when the disk is full or the run is killed.

    Args:
        path: of the file. The file that a link leads to is replaced, not the link; a pipe or a device is written to.
        data: text, written as UTF-8 with plain ends of lines, or bytes.

    Raises:
        OSError: when it cannot be written; the message names `path`. The file there is the old one then.
    """
    raw = data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data
    with naming(path):
        target = _followed(Path(path))
        mode = _mode(target)
        if mode is not None and not stat.S_ISREG(mode):
            target.write_bytes(raw)
            return
        temporary = target.with_name(f".gradscribe-{secrets.token_hex(6)}")
        try:
            write_new(temporary, raw)
            if mode is not None:
                temporary.chmod(stat.S_IMODE(mode))
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet, down to the disk."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Let an error of the system name this file, whichever it happened with on the way to it."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise OSError(f"{path}: {error}") from error
        raise OSError(error.errno, error.strerror, str(path)) from error


def _followed(path: Path) -> Path:
    """Where a link leads."""
    try:
        return path.resolve()
    except RuntimeError as error:  # before Python 3.13 a link to itself
        raise OSError(str(error)) from error


def _mode(path: Path) -> int | None:
    """Kind and permissions of what is there; None where nothing is."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None
