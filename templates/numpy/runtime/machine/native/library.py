"""Functions in C: compiled once, loaded, and called."""

import ctypes
import re
import sys
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from struct import Struct
from typing import NamedTuple

import numpy as np

from ...arguments.arrays import Array
from ...arguments.traced import UNKNOWN, Uses, tracing
from ..ahead import Definitions, Unfinished, dry_run, must_wait
from ..process import process
from .sources import POOL

NAME, WORD = re.compile(r"[A-Z][A-Z0-9_]{0,63}"), re.compile(r"[a-z][a-z0-9_]{0,63}")
LARGEST = (1 << 63) - 1
HEAD = object.__basicsize__
"""Bytes at the beginning of every object of CPython; an array goes on with the address of its first element."""


class Kernel:
    """A function in C, see templates/c/team.h.

    Args:
        library: where it is; its name there is ``kernel``.
        pool: what calls it.

    Attributes:
        address: where it begins.
    """

    __slots__ = ("_call", "_library", "address")

    def __init__(self, library: ctypes.CDLL, pool: ctypes.CDLL) -> None:
        self._library = library
        self.address = ctypes.cast(library.kernel, ctypes.c_void_p).value or 0
        self._call = pool.call_with

    def __call__(
        self, arrays: Sequence[Array | None], numbers: Sequence[int], threads: int, uses: Uses = UNKNOWN
    ) -> None:
        """Call it without the lock of Python.

        Args:
            arrays: it is given the addresses of their first elements, NULL for None. They have to be NumPy's: nothing
                about them is checked.
            numbers: what else it is given.
            threads: at most so many compute, this one among them.
            uses: what it does with the arrays; where it goes by rows, its first number is how many there are.

        Raises:
            MemoryError: when there was not enough memory; then what the arrays hold is of no use.
        """
        trace = tracing()
        if trace is not None:
            trace.call(self.address, arrays, numbers, threads, uses)
        objects = [0 if array is None else id(array) for array in arrays]
        given = _packer(len(objects), len(numbers))(*objects, *numbers)
        if self._call(self.address, given, len(objects), threads):
            raise MemoryError("a compiled function did not get the memory that it needs")


class _Idle(Kernel):
    """What a dry run is given: it does nothing."""

    __slots__ = ()

    def __init__(self) -> None:
        pass

    def __call__(
        self, arrays: Sequence[Array | None], numbers: Sequence[int], threads: int, uses: Uses = UNKNOWN
    ) -> None:
        pass


_IDLE = _Idle()


@cache
def _packer(objects: int, numbers: int) -> Callable[..., bytes]:
    return Struct(f"{objects}P{numbers}l").pack


def available() -> bool:
    """Whether functions in C can be compiled here; the first answer may take a compilation, once for a machine."""
    return _pool() is not None


def kernel(text: str, definitions: Definitions = ()) -> Kernel | None:
    """The function ``kernel`` of a text of C; None where it cannot be compiled, see `objects.failures`.

    In a dry run it is noted, and does nothing.

    Args:
        text: its source, see templates/c/team.h.
        definitions: macros by name, in capitals, and their values, integers or words in small letters such as float.

    Raises:
        ValueError: when a name or a value is none.
        Unfinished: when the backend is "background" and it is not there yet.
    """
    requests = dry_run()
    if requests is not None:
        requests.append((text, definitions))
        return _IDLE
    if must_wait((text, definitions), made):
        raise Unfinished
    return made(text, definitions)


@lru_cache(512)
def made(text: str, definitions: Definitions) -> Kernel | None:
    """The same, compiled and waited for."""
    source, pool = defined(definitions) + text, _pool()
    library = _compiled()(source, "kernel") if pool is not None else None
    return Kernel(library, pool) if library is not None and pool is not None else None


def defined(definitions: Definitions) -> str:
    """Macros as lines of C."""
    return "".join(f"#define {name} {_value(name, value)}\n" for name, value in definitions)


def _value(name: str, value: int | str) -> str:
    if NAME.fullmatch(name):
        if isinstance(value, int) and abs(value) <= LARGEST:
            return f"({int(value)})" if value < 0 else f"{int(value)}"
        if isinstance(value, str) and WORD.fullmatch(value):
            return value
    raise ValueError(
        f"definitions: expected a NAME in capitals and an integer or a word in small letters; "
        f"received {name!r:.60} and {value!r:.60}"
    )


@cache
def _pool() -> ctypes.CDLL | None:
    """The pool of threads, which calls kernels."""
    library = _compiled()(defined((("HEAD", HEAD),)) + POOL, "call_with") if known() else None
    if library is not None:
        library.call_with.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_long, ctypes.c_long)
        library.call_with.restype = ctypes.c_int
        library.release.argtypes, library.release.restype = (), None
        library.call_steps.argtypes = (ctypes.c_char_p, ctypes.c_long, ctypes.c_char_p)
        library.call_steps.restype = ctypes.c_int
        process.releases.append(library.release)
    return library


class Placed(NamedTuple):
    """A function in C in a group, and what it is given of arrays that are named later; see templates/c/steps.h.

    Attributes:
        address: of the function.
        places: of arrays among those, by how many bytes behind its beginning each is given, and how many of these a row
            has, if rows have parts of it; -1 for no array.
        numbers: what else it is given.
        threads: at most so many compute.
        rows: how many there are, if it goes on with others.
        after: the functions of the group that make what it reads, as bits.
        read: which array that is.
    """

    address: int
    places: Sequence[tuple[int, int, int]]
    numbers: Sequence[int]
    threads: int
    rows: int = 0
    after: int = 0
    read: int = 0


def packed(groups: Sequence[Sequence[Placed]]) -> tuple[bytes, int]:
    """Groups of functions as templates/c/pool.c reads them, and how many there are."""
    numbers: list[int] = []
    for group in groups:
        numbers += [len(group), sum(len(member.places) for member in group)]
        for m in group:
            numbers += [m.address, m.threads, len(m.places), len(m.numbers), m.rows, m.after, m.read]
            numbers += [n for place in m.places for n in place]
            numbers += m.numbers
    return Struct(f"{len(numbers)}q").pack(*numbers), len(groups)


def call_steps(steps: bytes, count: int, objects: Sequence[Array]) -> None:
    """Call several functions, one after the other and without the lock of Python.

    Args:
        steps: as `packed` makes them.
        count: how many groups there are.
        objects: the arrays that they are given parts of, see `Kernel`.

    Raises:
        MemoryError: when there was not enough memory; then what the arrays hold is of no use.
    """
    pool = _pool()
    if pool is None or pool.call_steps(steps, count, _packer(len(objects), 0)(*map(id, objects))):
        raise MemoryError("a compiled function did not get the memory that it needs")


def _compiled() -> Callable[[str, str], ctypes.CDLL | None]:
    """What compiles texts and loads them; it takes its time to load itself."""
    with process.loading:
        from .objects import loaded

    return loaded


@cache
def known() -> bool:
    """Whether arrays are built here as HEAD says; it is part of NumPy's binary interface, and tried all the same."""
    some = np.zeros((4, 6))
    examples = some, some[1:, ::2], some[:, ::-1], some.T, some[2], some[0, 3:4]
    return sys.implementation.name == "cpython" and all(_read(a) == _said(a) for a in examples)


def _read(array: Array) -> int:
    return ctypes.c_size_t.from_address(id(array) + HEAD).value


def _said(array: Array) -> int:
    return int(array.__array_interface__["data"][0])
