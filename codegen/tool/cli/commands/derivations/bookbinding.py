"""`gradscribe book`: the chapter and the whole catalogue as one document, in LaTeX or as a PDF."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from gradscribe.codegen.tool.cli.completion import names, words
from gradscribe.codegen.tool.cli.options import MANY, Language
from gradscribe.codegen.tool.cli.page.outlet import LATEX, PDF, SUFFIXES
from gradscribe.codegen.tool.cli.page.progress import Progress
from gradscribe.codegen.tool.cli.page.tex import HOW, engine, installed, pdf
from gradscribe.codegen.tool.finding.find import find_any
from gradscribe.codegen.tool.pages.book.book_pages import WHOLE, book, chosen
from gradscribe.derive.catalogue.pages import PAGES
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import located, quoted, shown
from gradscribe.derive.layer.letters import NOTATIONS, read_letters
from gradscribe.said import ENGLISH

NAME = "book"
FORMS = ("index", "all")
"""Those that every page has."""
TEX = next(suffix for suffix, form in SUFFIXES.items() if form == LATEX)


def _names(incomplete: str) -> Iterator[tuple[str, str]]:
    yield from names(incomplete)
    yield from ((name, "a whole chapter") for name in WHOLE if name.startswith(incomplete))


def bind(
    wanted: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LAYER ...]",
            help=f"All that there is by default. {MANY} Besides: {', '.join(WHOLE)}.",
            autocompletion=_names,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help=f"{NAME}{PDF}, or {NAME}{TEX} where no TeX is installed, by default.",
        ),
    ] = None,
    letters: Annotated[
        str | None,
        typer.Option(
            help=f"A notation, {', '.join(NOTATIONS)}; or brackets.", autocompletion=words(*NOTATIONS, "brackets")
        ),
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--form",
            help="index, with operator forms below boxes; or all, with matrices (im2col), where a page has them.",
            autocompletion=words(*FORMS),
        ),
    ] = "index",
    language: Language = ENGLISH,
) -> None:
    """Write a book: the chapter on convolutions, the whole catalogue, an index of symbols and the literature."""
    file = out or Path(f"{NAME}{PDF if installed() else TEX}")
    if file.suffix.lower() not in (TEX, PDF):
        raise EquationError(f"-o {located(file)}: unknown suffix {quoted(file.suffix)}; expected {TEX} or {PDF}")
    if letters and read_letters(letters, "letters").chosen:
        raise EquationError(
            f"--letters {shown(letters)}: every page of a book has names of its own; expected a notation, "
            f"{', '.join(NOTATIONS)}, or brackets; gradscribe derive takes NAME=LETTER"
        )
    if form not in FORMS:
        raise EquationError(f"--form {shown(form)}: expected {' or '.join(FORMS)}; not every page has another one")
    from gradscribe.codegen.files.present import check_file
    from gradscribe.codegen.files.write import write
    from gradscribe.codegen.python.text.render import PDF_MARK

    check_file(file)
    if file.suffix.lower() == PDF:
        engine()  # before a book is worked out for nothing
    _check(wanted or [])
    with Progress() as progress:
        text = book(chosen(wanted or []), letters or "", form, progress.told, language)
        if file.suffix.lower() == PDF:
            progress.told(f"{engine()} makes a PDF of it")
            write(file, pdf(text) + PDF_MARK)
        else:
            write(file, text)
    print(f"wrote {located(file)}")
    if out is None and file.suffix == TEX:
        print(f"gradscribe: {HOW}", file=sys.stderr)


def _check(wanted: Sequence[str]) -> None:
    """Find all that is asked for, before the first page is worked out."""
    for name in wanted:
        if name not in WHOLE and name not in PAGES:
            find_any(name)
