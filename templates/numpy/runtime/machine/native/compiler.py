"""The C compiler of this machine, and what it compiles for."""

import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import NamedTuple

PATIENCE = 120
"""Seconds until a compiler counts as hanging; the first run of zig compiles its own libraries."""

NATIVE = "-march=native" if platform.machine().lower() in ("x86_64", "amd64", "i686") else "-mcpu=native"
FLAGS = (
    *("-O3", NATIVE, "-ffp-contract=fast", "-fno-math-errno"),
    *("-std=gnu11", "-shared", "-fPIC", "-pthread", "-Wall", "-Wextra"),
)
"""NaN and infinity count, so there is no -ffast-math."""

WIDTHS = (("__AVX512F__", 64), ("__AVX2__", 32))
"""Macros that a compiler defines where the processor has vectors of so many bytes."""


class Compiler(NamedTuple):
    """A C compiler that works.

    Attributes:
        command: the program and its first arguments.
        version: what it says it is.
        vector: the bytes of the widest vectors of the processor.
        macros: what it defines for this processor, as text.
    """

    command: tuple[str, ...]
    version: str
    vector: int
    macros: str


class Failure(Exception):
    """A compiler that was not there, took too long, or refused; its text is the first lines of what it said."""


def candidates(environment: str | None, path: str | None) -> Iterator[tuple[str, ...]]:
    """The commands to try, one after the other: that of $CC alone where it is set."""
    if environment:
        yield tuple(shlex.split(environment))
        return
    yield from ((found,) for name in ("cc", "gcc", "clang") if (found := shutil.which(name, path=path)))
    if find_spec("ziglang") is not None:
        yield sys.executable, "-m", "ziglang", "cc"


def compiler() -> Compiler | None:
    """The first compiler that works; None where there is none. It is asked once for $CC and $PATH."""
    return _compiler(os.environ.get("CC"), os.environ.get("PATH"))


@lru_cache(8)
def _compiler(environment: str | None, path: str | None) -> Compiler | None:
    for command in candidates(environment, path):
        try:
            return asked(command)
        except Failure:
            continue
    return None


def asked(command: tuple[str, ...]) -> Compiler:
    """What a compiler says of itself and of the processor.

    Raises:
        Failure: when it does not work.
    """
    macros = said((*command, *FLAGS, "-x", "c", "-dM", "-E", "-"), "")
    defined = dict(re.findall(r"^#define (\w+) (.*)$", macros, re.MULTILINE))
    vector = next((width for name, width in WIDTHS if name in defined), 16)
    return Compiler(command, defined.get("__VERSION__", "").strip('"'), vector, macros)


def said(arguments: Sequence[str], text: str) -> str:
    """What a compiler prints that reads a text.

    Raises:
        Failure: when it does not succeed.
    """
    try:
        done = subprocess.run(arguments, input=text, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise Failure(f"{arguments[0]}: nothing after {PATIENCE} seconds") from None
    except (OSError, ValueError) as error:
        raise Failure(f"{arguments[0]}: {error}") from error
    if done.returncode:
        raise Failure("\n".join(done.stderr.splitlines()[:8]) or f"{arguments[0]}: exit code {done.returncode}")
    return done.stdout
