"""Where a page goes, and what follows from that: its format, how wide it is, whether it has colours."""

import os
import shutil
import sys
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from gradscribe.codegen.tool.cli.page.tex import engine, pdf
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import located, quoted, shown
from gradscribe.derive.typeset.document.look import Look
from gradscribe.derive.typeset.formats import FORMATS

PDF, LATEX, TEXT = ".pdf", "latex", "text"
SUFFIXES = {**{form.suffix: name for name, form in FORMATS.items()}, PDF: LATEX}
"""The format of a file by its suffix; a PDF is made of LaTeX."""
NARROWEST, WIDEST = 60, 200


@dataclass(frozen=True)
class Outlet:
    """Where a page goes.

    Attributes:
        file: what is written; None for standard output.
        form: the format that it gets.
        look: how a page looks there.
        wide: whether somebody minds a page that is wider than that.
    """

    file: Path | None
    form: str
    look: Look
    wide: bool = False

    def made(self, page: str) -> str | bytes:
        """What goes there of a page.

        Raises:
            EquationError: when TeX fails.
        """
        return pdf(page) if self.file is not None and _suffix(self.file) == PDF else page

    def put(self, content: str | bytes) -> None:
        """Print or write what was `made`.

        Raises:
            OSError: when it cannot be written; the file there is the old one then.
        """
        if self.file is not None:
            from gradscribe.codegen.files.write import write

            write(self.file, content)
        else:
            print(content, end="" if str(content).endswith("\n") else "\n")
        if self.wide and isinstance(content, str):
            self._mind(content)

    def _mind(self, page: str) -> None:
        """Say on standard error that a page is wider than it should be: nothing may end a line within a factor."""
        from gradscribe.derive.typeset.writers.text.text_writer import widest

        needed = widest(page)
        if needed > self.look.width:
            room = f"; --width {needed} has room for it" if needed <= WIDEST else ""
            said = f"the page is {needed} columns wide, more than {self.look.width}, where no line may end{room}"
            print(f"gradscribe: {said}", file=sys.stderr)


def outlet(file: Path | None, form: str | None, width: int | None, fragment: bool) -> Outlet:
    r"""Where a page goes that is asked for so; the format is that of the file's suffix, else text.

    Args:
        file: what is written; None for standard output.
        form: the format asked for, if any.
        width: columns of text asked for, if any; else those of the terminal, 100 elsewhere.
        fragment: whether LaTeX for ``\input`` is asked for.

    Raises:
        EquationError: for an unknown format or suffix, for two that contradict each other, for an option that does not
            concern the format, and for a PDF where no TeX is installed.
    """
    chosen = _format(file, form)
    if fragment and (chosen != LATEX or (file is not None and _suffix(file) == PDF)):
        raise EquationError(
            f"--fragment: it is LaTeX to be read into a document; expected --format {LATEX} or -o FILE.tex"
        )
    if width is not None and chosen != TEXT:
        raise EquationError(f"--width {width}: only text has a width; {chosen} is broken into lines by what shows it")
    if file is not None and _suffix(file) == PDF:
        engine()  # before a page is worked out for nothing
    terminal = file is None and chosen == TEXT and sys.stdout is not None and sys.stdout.isatty()
    look = Look(fragment=fragment, colour=terminal and _has_colours())
    if width is None and not terminal:
        return Outlet(file, chosen, look)
    columns = width or min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)
    return Outlet(file, chosen, replace(look, width=columns), wide=True)


def _format(file: Path | None, form: str | None) -> str:
    if form is not None and form not in FORMATS:
        close = get_close_matches(form, FORMATS, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise EquationError(f"unknown format {quoted(form)}; expected one of {', '.join(FORMATS)}{hint}")
    if file is None or (file.exists() and not file.is_file()):  # a device or a pipe has no suffix
        return form or TEXT
    if _suffix(file) not in SUFFIXES:
        raise EquationError(
            f"-o {located(file)}: unknown suffix {quoted(_suffix(file))}; expected one of {', '.join(SUFFIXES)}"
        )
    if form not in (None, SUFFIXES[_suffix(file)]):
        raise EquationError(
            f"--format {shown(form or '')}: -o {located(file)} is {SUFFIXES[_suffix(file)]}; leave one of them out"
        )
    return SUFFIXES[_suffix(file)]


def _suffix(file: Path) -> str:
    return file.suffix.lower()


def _has_colours() -> bool:
    """Whether the terminal shows colours, and nobody has asked for none."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
