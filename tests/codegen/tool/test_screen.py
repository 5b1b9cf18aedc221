"""The command line in front of hostile texts, odd files, other encodings, full disks and readers who leave."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from gradscribe.codegen.tool import cli
from gradscribe.codegen.tool.cli import screen
from gradscribe.derive.catalogue.layers import LAYERS
from tests.cases.thorough import some
from tests.derive.ir.test_quote import HOSTILE

ROOT = Path(__file__).parents[3]
START = [sys.executable, "-c", "from gradscribe.codegen.tool.cli import main; main()"]
SQUARE = "y[n] = x[n]^2\n"
IN_A_FILE = HOSTILE.replace("\r", "").replace("\ud800", "")
ESC = "\x1b[31m\u202e"


class Done(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Done]


@pytest.fixture
def gradscribe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Run the console script in a folder of its own, on a terminal of some encoding."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str, encoding: str = "utf-8") -> Done:
        streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2)]
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["gradscribe", *arguments])
            patch.setattr(sys, "stdout", streams[0])
            patch.setattr(sys, "stderr", streams[1])
            with pytest.raises(SystemExit) as stop:
                cli.main()
        out, err = (stream.buffer.getvalue().decode(encoding) for stream in streams)
        return Done(int(stop.value.code or 0), out, err)

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "square.eq").write_text(f"# {IN_A_FILE}\n{SQUARE}", encoding="utf-8")
    (tmp_path / "net.net").write_text(f"# {IN_A_FILE}\ninput x[N, 4]\ntanh -> relu\n", encoding="utf-8")
    (tmp_path / "bold.eq").write_text(f"# [bold red]{ESC}\n{SQUARE}", encoding="utf-8")
    code = f"def right(dy, x): return 2*dy*x\ndef wrong(dy, x): raise ValueError({HOSTILE!a})\n"
    (tmp_path / "mine.py").write_text(code, encoding="utf-8")
    return tmp_path


# ----- texts ----------------------------------------------------------------------------------------------------------
COMMANDS = {
    "derive": ("derive square.eq", 0),
    "derive markdown": ("derive square.eq --format markdown", 0),
    "derive latex": ("derive square.eq --format latex", 0),
    "derive a network": ("derive net.net", 0),
    "verify": ("verify bold.eq --shapes 2", 0),
    "check": ("check mine.py:right --layer square.eq --examples 5", 0),
    "check what raises": ("check mine.py:wrong --layer square.eq --examples 5", 1),
    "check nothing": ("check no --layer square.eq", 2),
    "check another thing": (f"check mine.py:right --layer {ESC}", 2),
    "unknown": (f"derive {ESC}", 2),
    "no UTF-8": ("derive \udcff", 2),
    "no UTF-8 file": ("derive \udcff.eq", 2),
    "setting": (f"derive relu --set {ESC}={ESC}", 2),
    "wrt": (f"derive relu --wrt {ESC}", 2),
    "format": (f"derive relu --format {ESC}", 2),
    "folder": (f"generate relu --out mine.py/{ESC}", 2),
    "shape": (f"explain relu --shape {ESC}=2", 2),
    "points": (f"derive winograd --m 2 --r 3 --points {ESC}", 2),
    "option": (f"derive relu --{ESC}", 2),
    "value": (f"derive winograd --m {ESC}", 2),
    "command": (ESC, 2),
    "missing": ("derive", 2),
}


@pytest.mark.parametrize(("arguments", "code"), COMMANDS.values(), ids=COMMANDS)
def test_nothing_but_lines_of_text_reaches_the_terminal(
    gradscribe: Command, folder: Path, arguments: str, code: int
) -> None:
    done = gradscribe(*arguments.split(" "))
    assert done.code == code, done.err
    assert all(line.isprintable() for line in (done.out + done.err).split("\n"))
    if not done.out:
        assert done.err.startswith("gradscribe: ")
        assert done.err.count("\n") == 1


LONG = "a" * 100_000
LENGTHY = ("derive {}", "derive {}.eq", "derive {}.py:f", "derive {}=1", "generate {}", "verify {}", "explain {}",
           "explain relu --shape {}", "explain relu --shape x={}", "derive relu --set {}", "derive relu --set {}=1",
           "derive relu --wrt {}", "derive relu --ties {}", "derive relu --format {}", "derive relu -o {}",
           "derive relu --{}", "derive relu --m {}", "generate relu --out {}", "{}", "check {}.py:f --layer relu",
           "check mine.py:right --layer {}", "check mine.py:right --layer relu --returns {}",
           "check mine.py:right --layer relu --layout {}", "check mine.py:right --layer relu --set a={}")  # fmt: skip


@pytest.mark.parametrize("arguments", LENGTHY)
def test_a_long_text_is_not_echoed(gradscribe: Command, folder: Path, arguments: str) -> None:
    done = gradscribe(*arguments.format(LONG).split(" "))
    assert done.code == 2
    assert done.out == ""
    assert len(done.err) < 700, done.err


NUMBERS = ("derive conv2d --set stride=@", "derive scaled_tanh --set slope=@", "derive scaled_tanh --set slope=1/@",
           "derive scaled_tanh --set slope=1e@", "explain relu --shape x=@", "derive winograd --m @ --r 3",
           "explain dense --shape x=2,3 --set out_features=@", "derive conv2d --order @",
           "check mine.py:right --layer relu --examples 5 --axes @")  # fmt: skip


@pytest.mark.parametrize("number", some(["9" * 5_000, "-1", "٣", "nan", "1e999", "", "0x10", "1_0"], 3))
@pytest.mark.parametrize("arguments", NUMBERS)
def test_no_number_is_more_than_a_mistake(gradscribe: Command, folder: Path, arguments: str, number: str) -> None:
    done = gradscribe(*arguments.replace("@", number).split(" "))
    assert done.code in (0, 1, 2)
    assert done.out or done.err.startswith("gradscribe: ")
    assert len(done.err) < 700


# ----- files ----------------------------------------------------------------------------------------------------------
def test_a_byte_order_mark_is_none_of_the_text(gradscribe: Command, tmp_path: Path) -> None:
    (tmp_path / "marked.eq").write_bytes(b"\xef\xbb\xbf# title\r\n" + SQUARE.encode())
    (tmp_path / "marked.net").write_bytes(b"\xef\xbb\xbfinput x[N, 4]\r\ntanh -> relu\r\n")
    assert gradscribe("derive", "marked.eq").out.startswith("marked: title\n")
    assert gradscribe("derive", "marked.net").code == 0


def odd_files(folder: Path) -> Iterator[str]:
    (folder / "empty.eq").touch()
    (folder / "empty.net").touch()
    (folder / "bytes.eq").write_bytes(b"\xff")
    (folder / "nul.eq").write_bytes(SQUARE.encode() + b"\0")
    (folder / "large.eq").write_bytes(b"#" * 10**7)
    (folder / f"{'long' * 20}.eq").write_text(SQUARE, encoding="utf-8")
    (folder / "folder.eq").mkdir()
    os.mkfifo(folder / "pipe.eq")
    os.mkfifo(folder / "pipe.py")
    (folder / "device.eq").symlink_to("/dev/zero")
    (folder / "circle.eq").symlink_to("circle.eq")
    yield from sorted(p.name for p in folder.glob("*.eq") if p.name not in ("square.eq", "bold.eq"))
    yield from ("empty.net", "pipe.py:f", "folder.py:f", "no.eq", "no/no.eq", "mine.py/no.eq")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_odd_files_are_mistakes(gradscribe: Command, folder: Path) -> None:
    for name in odd_files(folder):
        done = gradscribe("derive", name)
        assert (done.code, done.out) == (2, ""), name
        assert done.err.startswith("gradscribe: ")
        assert "Errno" not in done.err
        assert len(done.err) < 400


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
def test_a_full_disk_is_a_mistake_of_one_line(gradscribe: Command) -> None:
    with Path("/dev/full").open("w") as target:
        done = subprocess.run(
            [*START, "list"], cwd=ROOT, stdout=target, stderr=subprocess.PIPE, check=False, timeout=60
        )
    assert done.returncode == 2
    assert done.stderr.startswith(b"gradscribe: ")
    assert done.stderr.endswith(b"No space left on device\n")
    assert done.stderr.count(b"\n") == 1
    assert gradscribe("derive", "relu", "-o", "/dev/full").err == "gradscribe: /dev/full: No space left on device\n"


@pytest.mark.thorough
@pytest.mark.skipif(os.name != "posix", reason="pipes end otherwise there")
@pytest.mark.parametrize("command", ["list", "derive --help", "list --help"])
def test_a_reader_who_leaves_is_no_error(command: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*START, *command.split()], cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, check=False, timeout=60
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


# ----- encodings ------------------------------------------------------------------------------------------------------
@pytest.mark.thorough
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "koi8-r", "utf-16"])
@pytest.mark.parametrize("arguments", ["derive conv1d", "list", "list --json", "verify relu --shapes 2", "--help"])
def test_every_encoding_is_written(
    gradscribe: Command, monkeypatch: pytest.MonkeyPatch, encoding: str, arguments: str
) -> None:
    few = {name: LAYERS[name] for name in ("relu", "conv1d")}
    for name, found in (("LAYERS", few), ("NETWORKS", {}), ("OPTIMISERS", {})):
        monkeypatch.setattr(f"gradscribe.codegen.tool.finding.find.{name}", found)
    done = gradscribe(*arguments.split(), encoding=encoding)
    assert (done.code, done.err) == (0, "")
    assert "--json" not in arguments or json.loads(done.out)


@pytest.mark.parametrize("arguments", [("derive", "∂中"), ("derive", "--∂中"), ("derive", "y[n] = x[n] ∂中")])
def test_mistakes_are_told_in_every_encoding(gradscribe: Command, arguments: tuple[str, ...]) -> None:
    done = gradscribe(*arguments, encoding="ascii")
    assert done.code == 2
    assert "d\\u4e2d" in done.err or "'d'" in done.err


def test_mathematics_stays_readable() -> None:
    page = "∂E/∂x[e] = Σ_{k} δ⁽ˡ⁺¹⁾[e]·ẋ − ⌊H/s⌋ │ 2×é 中"
    expected = r"dE/dx[e] = sum_{k} delta(l+1)[e]*x - floor(H/s) | 2xe \u4e2d"
    assert "".join(c if c.isascii() else screen.plain(c) for c in page) == expected
