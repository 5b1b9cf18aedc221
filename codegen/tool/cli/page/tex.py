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
_FIXED = {"SOURCE_DATE_EPOCH": "0", "FORCE_SOURCE_DATE": "1", "max_print_line": "1000"}
"""So that a page is the same bytes whenever it is written, and its log has whole lines."""
_MISSING = re.compile(r"^! LaTeX Error: File `([\w.-]+)' not found", re.MULTILINE)
"""Such as kotex.sty, which Korean takes."""


def engine() -> str:
    """The TeX that is installed.

    Raises:
        EquationError: where there is none.
    """
    found = next((name for name in ENGINES if shutil.which(name)), None)
    if found is None:
        raise EquationError(
            f"a PDF takes a TeX, and none of {', '.join(ENGINES)} is installed; -o FILE.tex writes its source"
        )
    return found


def pdf(document: str) -> bytes:
    """A LaTeX document as PDF; its files are in a folder that is gone afterwards.

    Raises:
        EquationError: when no TeX is installed, or the one that is does not compile it, with its first error.
    """
    name = engine()
    options = OPTIONS if name != "tectonic" else ()
    with TemporaryDirectory(prefix="gradscribe-") as folder:
        source = Path(folder) / "page.tex"
        source.write_text(document, encoding="utf-8")
        try:
            done = subprocess.run(
                [name, *options, source.name],
                cwd=folder,
                env={**os.environ, **_FIXED},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=MOST_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise EquationError(f"{name} has not come to an end in {MOST_SECONDS} seconds") from error
        page = source.with_suffix(".pdf")
        if done.returncode or not page.exists():
            said = (done.stdout + b"\n" + done.stderr).decode("utf-8", "replace")
            missing = _MISSING.search(said)
            if missing:
                raise EquationError(f"{name} has no {missing[1]}; install it, or write the source by -o FILE.tex")
            raise EquationError(f"{name}: {' '.join(_first_error(said)) or f'ended with {done.returncode}'}")
        return page.read_bytes()


def _first_error(log: str) -> Iterator[str]:
    """What TeX says first: the line with an exclamation mark, and the one with the place."""
    lines = iter(log.splitlines())
    for line in lines:
        if line.startswith(("! ", "error: ")):
            yield line.partition(" ")[2]
            place = next((found for found in lines if found.startswith("l.")), "")
            yield f"({place.strip()})" if place else ""
            return
