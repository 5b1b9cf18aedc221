"""Texts of C in machine code: compiled once for a machine, loaded, and what became of those that cannot be."""

import ctypes
from contextlib import suppress
from pathlib import Path
from threading import Lock

from ..process import process
from .compiler import compiler
from .running import MADE, SOURCE, Failure, run
from .searching import FLAGS, LIBRARIES, processor
from .store import find, keep, key, note, workplace

failures: dict[str, str] = {}
"""What compilers said of texts that they refused in this process, by key; none of these is tried again."""
FAILED = ".txt"
"""The suffix of the same, kept for `gradscribe doctor`."""
_locks: dict[tuple[int, str], Lock] = {}
"""Held while a text is compiled, by how many forks led to the process: a child cannot use those of its parent."""


def loaded(source: str, function: str) -> ctypes.CDLL | None:
    """A text of C in machine code, compiled where nothing is kept of it; None where that fails or lacks a function."""
    found = compiler()
    if found is None:
        return None
    name = key("object", found, FLAGS, processor(), source)
    lock = process.forks, name
    with _locks.setdefault(lock, Lock()):
        try:
            if name not in failures:
                library = _opened((*found.command, *FLAGS), source, name)
                getattr(library, function)
                return library
        except (Failure, OSError, AttributeError) as error:
            failures[name] = str(error)
            note(str(error), name, FAILED)
        finally:
            _locks.pop(lock, None)
    return None


def _opened(command: tuple[str, ...], source: str, name: str) -> ctypes.CDLL:
    kept = find(name, Path(MADE).suffix)
    if kept is not None:
        with suppress(OSError):  # another process may have removed it since
            return ctypes.CDLL(str(kept))
    return ctypes.CDLL(str(_made(command, source, name)))


def _made(command: tuple[str, ...], source: str, name: str) -> Path:
    with workplace() as folder:
        run((*command, SOURCE, "-o", MADE, *LIBRARIES), source, folder)
        refused = find(name, FAILED)  # by another process, for want of memory or time
        if refused is not None:
            with suppress(OSError):
                refused.unlink()
        return keep(folder / MADE, name)
