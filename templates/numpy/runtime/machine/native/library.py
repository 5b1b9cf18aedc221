"""Functions in C, compiled, loaded and called."""

import ctypes
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from struct import Struct
from tempfile import TemporaryDirectory
from typing import Any

from ...arguments.arrays import Array
from ..process import process
from .compiler import FLAGS, Failure, compiler, said
from .sources import POOL
from .store import folder

NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")
Definitions = tuple[tuple[str, int | str], ...]


class Kernel:
    """A function in C.

    Args:
        library: where it is; its name there is ``kernel``.
    """

    def __init__(self, library: ctypes.CDLL, pool: ctypes.CDLL) -> None:
        self._library = library
        self._address = ctypes.cast(library.kernel, ctypes.c_void_p).value
        self._call = pool.call
        self._packers: dict[tuple[int, int], tuple[Any, Any]] = {}

    def __call__(self, arrays: Sequence[Array | None], numbers: Sequence[int], threads: int) -> None:
        """Call it; arrays are given as the addresses of their first elements, None as NULL.

        Raises:
            MemoryError: when there was not enough memory; what the arrays hold is of no use then.
        """
        found = self._packers.get((len(arrays), len(numbers)))
        if found is None:
            found = self._packers[len(arrays), len(numbers)] = (
                Struct(f"{len(arrays)}P").pack,
                Struct(f"{len(numbers)}l").pack,
            )
        addresses, longs = found
        if self._call(self._address, addresses(*map(address, arrays)), longs(*numbers), threads):
            raise MemoryError("a compiled function was not given the memory that it needs")


def address(array: Array | None) -> int:
    """Where the first element of an array lies; 0 for None."""
    return 0 if array is None else array.__array_interface__["data"][0]


def available() -> bool:
    """Whether functions in C can be compiled here; the first answer may take one small compilation."""
    return _pool() is not None


@lru_cache(512)
def kernel(text: str, definitions: Definitions = ()) -> Kernel | None:
    """The function ``kernel`` of a text of C; None where it cannot be compiled.

    Args:
        text: its source, see templates/c/team.h for what it is given.
        definitions: macros by name, in capitals, and their values: integers or words such as float.

    Raises:
        ValueError: when a name or a value is none.
    """
    pool = _pool()
    library = _loaded(defined(definitions) + text) if pool is not None else None
    return None if library is None or pool is None else Kernel(library, pool)


def defined(definitions: Definitions) -> str:
    """Macros as lines of C."""
    for name, value in definitions:
        good = WORD.fullmatch(value) if isinstance(value, str) else abs(int(value)) < 1 << 63
        if not NAME.fullmatch(name) or not good:
            raise ValueError(f"definitions: expected NAME and an integer or a word; received {name!r}, {value!r}")
    return "".join(
        f"#define {name} {value if isinstance(value, str) else f'({int(value)})'}\n" for name, value in definitions
    )


@cache
def _pool() -> ctypes.CDLL | None:
    library = _loaded(POOL)
    if library is not None:
        library.call.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_long)
        library.call.restype = ctypes.c_int
        library.release.argtypes, library.release.restype = (), None
        process.releases.append(library.release)
    return library


def _loaded(text: str) -> ctypes.CDLL | None:
    found = compiler() if os.name == "posix" else None
    if found is None:
        return None
    key = sha256(repr((found, FLAGS, text)).encode()).hexdigest()
    place = folder() / f"{key}.so"
    if not place.exists():
        with TemporaryDirectory(dir=folder()) as own:
            try:
                said((*found.command, *FLAGS, "-x", "c", "-", "-o", f"{own}/made.so"), text)
            except Failure as failure:
                print(failure, file=sys.stderr)
                return None
            Path(own, "made.so").replace(place)
    with suppress(OSError):
        return ctypes.CDLL(str(place))
    return None
