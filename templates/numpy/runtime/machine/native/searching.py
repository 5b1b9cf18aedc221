"""Looking for a C compiler, and what it says of the processor that it compiles for."""

import ctypes
import json
import os
import platform
import re
import shlex
import shutil
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from ..process import process
from .running import MADE, SOURCE, Failure, run
from .store import find, key, note, workplace

NATIVE = "-march=native" if platform.machine().lower() in ("x86_64", "amd64", "i686") else "-mcpu=native"
FLAGS = (
    *("-O3", NATIVE, "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"),
    *("-std=gnu11", "-shared", "-fPIC", "-pthread", "-g0", "-Wall", "-Wextra"),
)
"""NaN and infinity count, so that there is no -ffast-math; what zig writes for debuggers names the folder it ran in."""

LIBRARIES = ("-lm",)

WIDTHS = (("__AVX512F__", 64), ("__AVX2__", 32))
"""What is defined where the processor has vectors of so many bytes; all others have 16."""

PROCESSOR = re.compile(
    r"^(?:vendor_id|cpu family|model|model name|stepping|flags|Features|CPU .*?)\s*:.*$", re.MULTILINE
)
"""The lines of /proc/cpuinfo that say what a processor is; others say how it runs."""

TRIAL = "#include <pthread.h>\n#include <stdint.h>\nint32_t trial(void)\n{\n    return 1;\n}\n"


class Compiler(NamedTuple):
    """A C compiler that works.

    Attributes:
        command: the program and its first arguments.
        version: what it says it is.
        vector: the bytes of the widest vectors of the processor.
        target: a hash of all that it defines for the processor.
    """

    command: tuple[str, ...]
    version: str
    vector: int
    target: str


class Search(NamedTuple):
    """What has been found.

    Attributes:
        found: the first compiler that works, None where none does.
        failed: what those said that do not, by command.
    """

    found: Compiler | None
    failed: tuple[tuple[str, str], ...]


def search(given: str, path: str) -> Search:
    """Look for a compiler: the command `given` alone, or those of a path and of Python, see `compiler`."""
    failed: list[tuple[str, str]] = []
    for command in _candidates(given, path) if os.name == "posix" else ():
        try:
            return Search(_known(command), tuple(failed))
        except (Failure, OSError) as error:
            failed.append((shlex.join(command), str(error)))
    return Search(None, tuple(failed))


def _candidates(given: str, path: str) -> Iterator[tuple[str, ...]]:
    """The commands to try, with the whole paths of programs: compilers run in a folder of their own."""
    if given.strip():
        try:
            name, *arguments = shlex.split(given)
        except ValueError:  # a quotation without an end
            name, arguments = given, []
        yield str(Path(shutil.which(name, path=path) or name).absolute()), *arguments
        return
    for name in ("cc", "gcc", "clang"):
        if found := shutil.which(name, path=path):
            yield (str(Path(found).absolute()),)
    with process.loading:
        ziglang = find_spec("ziglang")
    if (
        ziglang is not None and ziglang.origin
    ):  # not by `python -m`, which would prefer a module where Python was started
        yield str(Path(ziglang.origin).parent / "zig"), "cc"


def _known(command: tuple[str, ...]) -> Compiler:
    """A compiler, by what is kept of it, or what it says now.

    Raises:
        Failure: when it does not work.
        OSError: when there is no such program.
    """
    program = Path(command[0]).stat()
    name = key("compiler", command, program.st_size, program.st_mtime_ns, FLAGS, TRIAL, processor())
    kept = find(name, ".json")
    if kept is not None:
        version, vector, target = json.loads(kept.read_text(encoding="utf-8"))
        return Compiler(command, version, vector, target)
    with workplace() as folder:
        run((*command, *FLAGS, SOURCE, "-o", MADE), TRIAL, folder)
        ctypes.CDLL(str(folder / MADE))
        found = _said(command, run((*command, *FLAGS, "-dM", "-E", SOURCE), "", folder))
    note(json.dumps(found[1:]), name, ".json")
    return found


def _said(command: tuple[str, ...], macros: str) -> Compiler:
    """A compiler that defines these macros."""
    defined = dict(re.findall(r"^#define (\w+) (.*)$", macros, re.MULTILINE))
    vector = next((width for name, width in WIDTHS if name in defined), 16)
    version = defined.get("__VERSION__", "").strip('"')
    return Compiler(command, version if "clang" in version.lower() else f"GCC {version}", vector, key(macros))


@cache
def processor() -> str:
    """What tells this processor from others: a home, and what is compiled there, may be shared by machines."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            found = PROCESSOR.findall(file.read(1 << 14).partition("\n\n")[0])
    except (OSError, ValueError):
        found = []
    return repr((platform.machine(), found or platform.uname()))
