"""LaTeX -> PDF, by whichever TeX is installed."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from gradscribe.derive.ir.error import EquationError

ENGINES = ("pdflatex", "lualatex", "xelatex", "tectonic")
"""What is looked for, the fastest first."""
OPTIONS = ("-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape")
MOST_SECONDS = 600
MOST_RUNS = 5
"""Contents and the columns of long tables are known when a document is read again."""
HOW = (
    f"a PDF takes a TeX, and none of {', '.join(ENGINES)} is installed (Debian: apt install texlive-latex-recommended, "
    "others: https://tug.org/texlive); -o FILE.tex writes its source"
)
_AGAIN = re.compile(rb"Rerun (?:to|LaTeX)")
_KEPT = (".toc", ".out")
"""What the next run reads without a word about it."""
_FIXED = {"SOURCE_DATE_EPOCH": "0", "FORCE_SOURCE_DATE": "1", "max_print_line": "1000"}
"""So that a page is the same bytes whenever it is written, and its log has whole lines."""
_MISSING = re.compile(r"^! LaTeX Error: File `([\w.-]+)' not found", re.MULTILINE)
_PACKAGES = {"kotex.sty": "texlive-lang-korean"}
"""What Debian calls what has such a file."""


def installed() -> str | None:
    """The TeX that is installed, if there is one."""
    return next((name for name in ENGINES if shutil.which(name)), None)


def engine() -> str:
    """The TeX that is installed.

    Raises:
        EquationError: where there is none.
    """
    found = installed()
    if found is None:
        raise EquationError(HOW)
    return found


def pdf(document: str) -> bytes:
    """A LaTeX document as PDF; its files are in a folder that is gone afterwards.

    Raises:
        EquationError: when no TeX is installed, or the one that is does not compile it, with its first error.
    """
    name = engine()
    with TemporaryDirectory(prefix="gradscribe-") as folder:
        source = Path(folder) / "page.tex"
        source.write_text(document, encoding="utf-8")
        for _ in range(MOST_RUNS):
            before = _kept(source)
            log = _run(name, source)
            if _kept(source) == before and not _AGAIN.search(log):
                break
        return source.with_suffix(".pdf").read_bytes()


def _kept(source: Path) -> list[bytes]:
    files = (source.with_suffix(suffix) for suffix in _KEPT)
    return [file.read_bytes() if file.exists() else b"" for file in files]


def _run(name: str, source: Path) -> bytes:
    """What a TeX says of a document."""
    options = OPTIONS if name != "tectonic" else ()
    try:
        done = subprocess.run(
            [name, *options, source.name],
            cwd=source.parent,
            env={**os.environ, **_FIXED},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=MOST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EquationError(f"{name} has not come to an end in {MOST_SECONDS} seconds") from error
    log = done.stdout + b"\n" + done.stderr
    if done.returncode or not source.with_suffix(".pdf").exists():
        said = log.decode("utf-8", "replace")
        missing = _MISSING.search(said)
        if missing:
            how = f" (Debian: apt install {_PACKAGES[missing[1]]})" if missing[1] in _PACKAGES else ""
            raise EquationError(f"{name} has no {missing[1]}; install it{how}, or write the source by -o FILE.tex")
        raise EquationError(f"{name}: {' '.join(_first_error(said)) or f'ended with {done.returncode}'}")
    return log


def _first_error(log: str) -> Iterator[str]:
    """What TeX says first: the line with an exclamation mark, and the one with the place."""
    lines = iter(log.splitlines())
    for line in lines:
        if line.startswith(("! ", "error: ")):
            yield line.partition(" ")[2]
            place = next((found for found in lines if found.startswith("l.")), "")
            yield f"({place.strip()})" if place else ""
            return
