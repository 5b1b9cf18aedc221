"""Where a page goes: the format by the suffix, fragments, PDF by a TeX, the width and the colours of a terminal."""

import os
import pty
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.cases.thorough import some
from tests.codegen.tool.cli.running import ROOT, START, Command, is_a_mistake

ENGINES = ("pdflatex", "xelatex", "lualatex")


def engines(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str | None) -> None:
    """The only programs that there are: none, or a pdflatex that is a script."""
    monkeypatch.setenv("PATH", str(folder / "bin"))
    (folder / "bin").mkdir()
    if script is not None:
        (folder / "bin" / "pdflatex").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / "bin" / "pdflatex").chmod(stat.S_IRWXU)


@pytest.mark.parametrize(("file", "start"), [("a.txt", "relu: "), ("a.tex", "\\documentclass"), ("A.MD", "# relu: ")])
def test_the_suffix_says_the_format(gradscribe: Command, tmp_path: Path, file: str, start: str) -> None:
    assert gradscribe("derive", "relu", "-o", file) == (0, "", "")
    assert (tmp_path / file).read_text(encoding="utf-8").startswith(start)


def test_one_page_for_several_files(gradscribe: Command, tmp_path: Path) -> None:
    assert gradscribe("derive", "relu", "-o", "a.txt", "-o", "a.tex", "-o", "a.md") == (0, "", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.md", "a.tex", "a.txt"]
    for name, form in (("a.txt", "text"), ("a.tex", "latex"), ("a.md", "markdown")):
        alone = gradscribe("derive", "relu", "--format", form)
        assert (tmp_path / name).read_text(encoding="utf-8").rstrip("\n") == alone.out.rstrip("\n")


def test_of_several_files_all_are_written_or_none(
    gradscribe: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_a_mistake(gradscribe("derive", "relu", "-o", "a.txt", "-o", "a.html"), "a.html", "unknown suffix")
    engines(tmp_path, monkeypatch, "printf '! Emergency stop.\n'; exit 1")
    is_a_mistake(gradscribe("derive", "relu", "-o", "a.txt", "-o", "a.pdf"), "Emergency stop")
    assert not [path for path in tmp_path.iterdir() if path.name != "bin"]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["-o", "a.html"], ["a.html", "unknown suffix '.html'", ".txt, .tex, .md, .pdf"]),
        (["-o", "page"], ["unknown suffix ''"]),
        (["-o", "a.md", "--format", "latex"], ["--format latex", "a.md is markdown"]),
        (["-o", "a.pdf", "--format", "text"], ["--format text", "a.pdf is latex"]),
        (["--fragment"], ["--fragment", "--format latex"]),
        (["--fragment", "-o", "a.pdf"], ["--fragment"]),
        (["--width", "80", "--format", "markdown"], ["--width 80", "markdown"]),
        (["--width", "59"], ["--width", "60"]),
        (["--width", "201"], ["--width", "200"]),
    ],
)
def test_what_contradicts_itself_is_refused(
    gradscribe: Command, tmp_path: Path, arguments: list[str], parts: list[str]
) -> None:
    is_a_mistake(gradscribe("derive", "relu", *arguments), *parts)
    assert not list(tmp_path.iterdir())


def test_without_a_tex_there_is_no_pdf(gradscribe: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engines(tmp_path, monkeypatch, None)
    is_a_mistake(gradscribe("derive", "relu", "-o", "relu.pdf"), "pdflatex, lualatex, xelatex", "-o FILE.tex")
    assert not (tmp_path / "relu.pdf").exists()


def test_the_first_error_of_a_tex_is_told(gradscribe: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was there before stays."""
    said = "This is TeX\n! Undefined control sequence.\nl.7 \\\\nosuch\n! Emergency stop.\n"
    engines(tmp_path, monkeypatch, f"printf '{said}'; exit 1")
    (tmp_path / "relu.pdf").write_text("old", encoding="utf-8")
    done = gradscribe("derive", "relu", "-o", "relu.pdf")
    is_a_mistake(done, "pdflatex: Undefined control sequence. (l.7 \\nosuch)")
    assert (tmp_path / "relu.pdf").read_text(encoding="utf-8") == "old"


def test_a_package_that_a_tex_lacks_is_named(
    gradscribe: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engines(
        tmp_path, monkeypatch, r"""printf '%s\n' 'This is TeX' "! LaTeX Error: File \`kotex.sty' not found."; exit 1"""
    )
    done = gradscribe("derive", "relu", "--lang", "ko", "-o", "relu.pdf")
    is_a_mistake(
        done,
        "pdflatex has no kotex.sty; install it (Debian: apt install texlive-lang-korean), or write the source by "
        "-o FILE.tex",
    )


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_a_pdf_is_the_same_whenever_it_is_written(gradscribe: Command, tmp_path: Path) -> None:
    for name in ("one.pdf", "two.pdf"):
        assert gradscribe("derive", "relu", "-o", name) == (0, "", "")
    one, two = ((tmp_path / name).read_bytes() for name in ("one.pdf", "two.pdf"))
    assert one.startswith(b"%PDF")
    assert one == two


@pytest.mark.thorough
@pytest.mark.parametrize("engine", some(ENGINES, 1))
def test_every_engine_reads_pages_and_fragments(gradscribe: Command, tmp_path: Path, engine: str) -> None:
    """Two fragments in a document that has commands of the same names."""
    if shutil.which(engine) is None:
        pytest.skip(f"{engine} is not installed")
    gradscribe("derive", "dense", "--fragment", "-o", "dense.tex")
    gradscribe("derive", "c1: conv2d -> tanh -> flatten -> out: dense", "--fragment", "-o", "net.tex")
    listed = re.findall(r"^% +(\\usepackage\{.*)$", (tmp_path / "dense.tex").read_text(encoding="utf-8"), re.MULTILINE)
    host = [r"\documentclass{article}", r"\usepackage[margin=2cm]{geometry}", *listed, r"\newcommand{\why}{W}"]
    host += [r"\newcommand{\new}{N}", r"\begin{document}", r"\input{dense} \why\new \input{net}", r"\end{document}"]
    (tmp_path / "host.tex").write_text("\n".join(host), encoding="utf-8")
    command = [engine, "-interaction=nonstopmode", "-halt-on-error", "host.tex"]
    done = subprocess.run(command, capture_output=True, check=False, cwd=tmp_path, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    log = (tmp_path / "host.log").read_text(encoding="utf-8", errors="replace")
    assert "Missing character" not in log
    assert "Overfull \\hbox" not in log


def test_a_page_that_is_too_deep_for_its_width_is_told(gradscribe: Command) -> None:
    assert gradscribe("derive", "max_pool3d", "--width", "60").err == ""
    name = "a" * 58  # within a name no line may end
    own = f"y[n] = tanh({name}[n])"
    done = gradscribe("derive", own, "--width", "60")
    widest = max(map(len, done.out.splitlines()))
    assert done.code == 0
    assert done.err.startswith(f"gradscribe: the page is {widest} columns wide, more than 60")
    assert gradscribe("derive", own, "--width", str(widest)).err == ""


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("columns", "expected", "plain"), some([(70, 70, {}), (30, 60, {"NO_COLOR": "1"}), (500, 200, {"TERM": "dumb"})], 1)
)
def test_a_terminal(columns: int, expected: int, plain: dict[str, str]) -> None:
    page = on_a_terminal(["derive", "dense"], columns, plain)
    assert ("\x1b[36m" in page) == (not plain)
    text = re.sub(r"\x1b\[\d+m", "", page)
    numbered = [line for line in text.splitlines() if line.endswith(" (1)")]
    assert [len(line) for line in numbered] == [expected - 2]  # where three digits would end with the line


def on_a_terminal(arguments: list[str], columns: int, environment: dict[str, str]) -> str:
    """What a terminal of so many columns is shown."""
    here, there = pty.openpty()
    env = {**{k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}, "TERM": "xterm"}
    env |= {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **environment}
    command = ["sh", "-c", f'stty cols {columns}; exec "$@"', "sh", *START, *arguments]
    with subprocess.Popen(command, stdin=there, stdout=there, env=env) as process:
        os.close(there)
        parts = []
        while True:
            try:
                part = os.read(here, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            parts.append(part)
        assert process.wait() == 0
    os.close(here)
    return b"".join(parts).decode("utf-8").replace("\r\n", "\n")
