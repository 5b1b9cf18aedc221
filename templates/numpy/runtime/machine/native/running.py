"""A compiler, run: without a shell, in a folder of its own, and not for ever."""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

PATIENCE = 120
"""Seconds until a compiler counts as hanging; in its first run zig compiles libraries of its own."""

SOURCE, MADE = "kernel.c", "kernel.so"
MOST_LINES = 8
"""Of what a compiler says that are kept."""


class Failure(Exception):
    """A compiler was not there, took too long, or refused; the text says which, or is the beginning of what it said."""


def run(command: Sequence[str], text: str, folder: Path) -> str:
    """What a compiler prints that is given a text as the file SOURCE of a folder, in which it runs.

    Args:
        command: the program, by its whole path, and its arguments.
        text: what it compiles.
        folder: an empty folder.

    Raises:
        Failure: when it does not succeed.
    """
    try:
        (folder / SOURCE).write_text(text, encoding="utf-8")
        with (folder / "said").open("w+b") as said, (folder / "printed").open("w+b") as printed:
            code = _code(command, folder, printed.fileno(), said.fileno())
            said.seek(0), printed.seek(0)
            lines = said.read(1 << 16).decode("utf-8", "replace").splitlines()
            if code:
                raise Failure("\n".join(lines[:MOST_LINES]) or f"{command[0]}: exit code {code}")
            return printed.read().decode("utf-8", "replace")
    except (OSError, ValueError) as error:
        raise Failure(f"{command[0]}: {error}") from error


def _code(command: Sequence[str], folder: Path, printed: int, said: int) -> int:
    """The exit code. The compiler and all that it starts are one group, which ends as a whole."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=printed,
        stderr=said,
        start_new_session=True,
    ) as started:
        try:
            return started.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure(f"{command[0]}: no result after {PATIENCE} seconds") from None
        finally:
            if started.returncode is None:
                with suppress(OSError):
                    os.killpg(started.pid, signal.SIGKILL)


def _environment(folder: Path) -> dict[str, str]:
    """That of this process; messages are in English, and zig keeps what it makes in our folder, not in the user's."""
    zig = {"ZIG_LOCAL_CACHE_DIR": str(folder / "zig"), "ZIG_GLOBAL_CACHE_DIR": str(folder.parent / "zig")}
    return {**zig, **os.environ, "LC_ALL": "C"}
