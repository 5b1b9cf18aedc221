"""The command line in front of hostile texts, odd files, other encodings, full disks and readers who leave."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from codegen import screen
from tests.test_quote import HOSTILE

ROOT = Path(__file__).parents[1]
START = [sys.executable, "-c", "from codegen.cli import main; main()"]
SQUARE = "y[n] = x[n]^2\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "square.eq").write_bytes(f"# {HOSTILE}\n{SQUARE}".encode("utf-8", "replace"))
    (tmp_path / "net.net").write_bytes(f"# {HOSTILE}\ntanh -> relu\n".encode("utf-8", "replace"))
    (tmp_path / "mine.py").write_text(
        f"def right(dy, x): return 2*dy*x\ndef wrong(dy, x): raise ValueError({HOSTILE!r})\n", encoding="utf-8"
    )
    return tmp_path


def run(folder: Path, *arguments: str | bytes, encoding: str = "utf-8", **options: object) -> tuple[int, str, str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding, "COLUMNS": "200"}
    done = subprocess.run(
        [*START, *arguments], cwd=folder, env=environment, capture_output=True, check=False, timeout=60
    )
    return done.returncode, done.stdout.decode(encoding), done.stderr.decode(encoding)


COMMANDS = {
    "derive": (["derive", "square.eq"], 0),
    "derive markdown": (["derive", "square.eq", "--format", "markdown"], 0),
    "derive latex": (["derive", "square.eq", "--format", "latex"], 0),
    "derive a network": (["derive", "net.net"], 0),
    "check": (["check", "mine.py:right", "--layer", "square.eq", "--examples", "5"], 0),
    "check what raises": (["check", "mine.py:wrong", "--layer", "square.eq", "--examples", "5"], 1),
    "check nothing": (["check", "no", "--layer", "square.eq"], 2),
    "check another thing": (["check", "mine.py:right", "--layer", HOSTILE[:20].replace("\x00", "")], 2),
    "unknown": (["derive", HOSTILE.replace("\x00", "").encode("utf-8", "replace")], 1),
    "no UTF-8": (["derive", b"\xff\xfe"], 1),
    "no UTF-8 file": (["derive", b"\xff.eq"], 1),
    "setting": (["derive", "relu", "--set", "\x1b[31m=\u202e"], 1),
    "wrt": (["derive", "relu", "--wrt", "\x1b[31m"], 1),
    "format": (["derive", "relu", "--format", "\x1b[31m"], 1),
    "shape": (["explain", "relu", "--shape", "\x1b[31m=2"], 1),
    "points": (["derive", "winograd", "--m", "2", "--r", "3", "--points", "\x1b[31m"], 1),
    "option": (["derive", "relu", "--\x1b[31m"], 2),
    "value": (["derive", "winograd", "--m", "\x1b[31m"], 2),
    "command": (["\x1b[31m"], 2),
    "missing": (["derive"], 2),
    "help": ([], 0),
}


@pytest.mark.parametrize(("arguments", "code"), COMMANDS.values(), ids=COMMANDS)
def test_nothing_but_lines_of_text_reaches_the_terminal(folder: Path, arguments: list[str], code: int) -> None:
    done, out, error = run(folder, *arguments)
    assert (done, "Traceback" in error) == (code, False), error
    assert all(line.isprintable() for line in (out + error).split("\n"))
    if code == 2 or (code == 1 and not out):
        assert error.startswith("gradscribe: ")
        assert error.count("\n") == 1


def test_json_is_read_back_whatever_the_encoding(folder: Path) -> None:
    code, out, _ = run(folder, "list", "--json", encoding="ascii")
    assert code == 0
    assert json.loads(out)


@pytest.mark.parametrize(
    "name", ["a" * 100_000, "y[n] = " + "a" * 100_000, "a" * 100_000 + ".eq", "--" + "a" * 100_000]
)
@pytest.mark.parametrize("command", ["derive", "generate", "verify", "explain"])
def test_a_long_name_is_not_echoed(folder: Path, command: str, name: str) -> None:
    code, out, error = run(folder, command, name)
    assert code in (1, 2)
    assert len(out + error) < 700, error


# ----- files ----------------------------------------------------------------------------------------------------------
def test_a_byte_order_mark_is_none_of_the_text(folder: Path) -> None:
    (folder / "marked.eq").write_bytes(b"\xef\xbb\xbf# title\r\n" + SQUARE.encode())
    (folder / "marked.net").write_bytes(b"\xef\xbb\xbftanh -> relu\r\n")
    assert run(folder, "derive", "marked.eq")[1].startswith("marked: title\n")
    assert run(folder, "derive", "marked.net")[0] == 0


def odd_files(folder: Path) -> Iterator[str]:
    (folder / "empty.eq").touch()
    (folder / "empty.net").touch()
    (folder / "bytes.eq").write_bytes(b"\xff")
    (folder / "nul.eq").write_bytes(SQUARE.encode() + b"\0")
    (folder / "large.eq").write_bytes(b"#" * 10**7)
    (folder / ("long" * 20 + ".eq")).write_text(SQUARE, encoding="utf-8")
    (folder / "folder.eq").mkdir()
    os.mkfifo(folder / "pipe.eq")
    os.mkfifo(folder / "pipe.py")
    (folder / "device.eq").symlink_to("/dev/zero")
    (folder / "circle.eq").symlink_to("circle.eq")
    yield from sorted(p.name for p in folder.glob("*.eq") if p.name != "square.eq")
    yield from ("empty.net", "pipe.py:f", "folder.py:f", "no.eq", "no/no.eq", "mine.py/no.eq")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_odd_files_are_mistakes_of_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from codegen.cli import main

    monkeypatch.chdir(folder)
    for name in odd_files(folder):
        monkeypatch.setattr(sys, "argv", ["gradscribe", "derive", name])
        with pytest.raises(SystemExit) as stop:
            main()
        out, error = capsys.readouterr()
        assert (stop.value.code, out) == (1, ""), name
        assert error.startswith("gradscribe: ")
        assert "Errno" not in error
        assert len(error) < 400


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
def test_a_full_disk_is_a_mistake_of_one_line(folder: Path) -> None:
    with Path("/dev/full").open("w") as target:
        done = subprocess.run(
            [*START, "derive", "relu"],
            cwd=ROOT, stdout=target, stderr=subprocess.PIPE, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == b"gradscribe: standard output: No space left on device\n"
    assert run(folder, "derive", "relu", "-o", "/dev/full")[2] == "gradscribe: /dev/full: No space left on device\n"


@pytest.mark.skipif(os.name != "posix", reason="pipes end otherwise there")
@pytest.mark.parametrize(
    "command", ["derive conv2d", "list", "list --json", "derive --help", "generate --check --out none"]
)
def test_a_reader_who_leaves_is_no_error(command: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*START, *command.split()], cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, check=False, timeout=120
        )
    finally:
        os.close(writing)
    assert done.stderr == b""
    assert done.returncode == 1


# ----- encodings ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "koi8-r", "utf-16"])
@pytest.mark.parametrize(
    "arguments", ["derive conv2d", "derive lenet", "list", "verify relu --shapes 2", "derive ∂", "derive --∂"]
)
def test_every_encoding_is_written(folder: Path, encoding: str, arguments: str) -> None:
    code, out, error = run(folder, *arguments.split(), encoding=encoding)
    assert code == {"derive ∂": 1, "derive --∂": 2}.get(arguments, 0), error
    assert "Traceback" not in error
    assert out + error


def test_mathematics_stays_readable() -> None:
    page = "∂E/∂x[e] = Σ_{k} δ⁽ˡ⁺¹⁾[e]·ẋ − ⌊H/s⌋ │ 2×é 中"
    expected = r"dE/dx[e] = sum_{k} delta(l+1)[e]*x - floor(H/s) | 2xe \u4e2d"
    assert "".join(c if c.isascii() else screen.plain(c) for c in page) == expected
