"""Copies of the checkout in a temporary folder, and pytest in them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

from tests.mutants.plugin import RECORD, SECONDS, SELECT

MEMORY = 12 << 20
"""Kilobytes of address space: a loop that does not end shall not take the machine with it."""
TIMEOUT = 124

_running: "set[subprocess.Popen[bytes]]" = set()
_stopped = Event()


def stop() -> None:
    """End what runs in copies, as at Ctrl-C: it is in sessions of its own."""
    _stopped.set()
    for process in list(_running):
        _kill(process)


@contextmanager
def checkout_copy(root: Path) -> Iterator[Path]:
    """A copy of the files that git knows of, and those that it does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, capture_output=True, check=True,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        for name in listed.stdout.decode().split("\0"):
            if name and (root / name).is_file():
                target = Path(folder) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, target)
        yield Path(folder)


def pytest_in(
    folder: Path, files: Sequence[str], limit: float, select: Sequence[str] = (), record: Path | None = None
) -> tuple[int, str]:
    """Run test files in a copy; returns the exit status, TIMEOUT after `limit` seconds, and the last lines printed."""
    if _stopped.is_set():
        raise KeyboardInterrupt
    environment = {
        **os.environ, "PYTHONPATH": str(folder), "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
    }  # fmt: skip
    names = folder / ".select.json"
    if select:
        names.write_text(json.dumps(list(select)), encoding="utf-8")
        environment[SELECT] = str(names)
    if record:
        environment |= {RECORD: str(record), SECONDS: str(limit / 2)}
    command = [
        "sh",
        "-c",
        f'ulimit -v {MEMORY}; exec "$@"',
        "sh",
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.mutants.plugin",
        "-p",
        "no:cacheprovider",
    ]
    command += ["-m", "not oracle", "--tb=no", *(["-x"] if select else []), *files]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        _running.add(process)
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            status = TIMEOUT
        finally:
            _kill(process)
            process.wait()
            _running.discard(process)
        if _stopped.is_set():
            raise KeyboardInterrupt
        output.seek(0)
        return status, "".join(output.readlines()[-4:])


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End the session of a run that is over or out of time: its own children may still be there."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
