"""`gradscribe page`: HTML files to look at, one for each derivation."""

import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from gradscribe.codegen.tool.cli.completion import names
from gradscribe.codegen.tool.cli.options import MANY, Language
from gradscribe.codegen.tool.finding.find import find_any
from gradscribe.derive.ir.quote import located
from gradscribe.said import ENGLISH

Shown = Annotated[list[str], typer.Argument(metavar="LAYER ...", help=MANY, autocompletion=names)]


def page(
    wanted: Shown,
    folder: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the pages; this one by default.")
    ] = Path(),
    shown: Annotated[bool, typer.Option("--open", help="Show the pages in the browser.")] = False,
    lang: Language = ENGLISH,
) -> None:
    """Write a page to look at, NAME.html: the derivation, step by step, beside the code that it becomes."""
    found = [find_any(name) for name in wanted]
    from gradscribe.codegen.files.present import differs
    from gradscribe.codegen.files.write import write
    from gradscribe.codegen.tool.pages.html.html_page import page_of

    pages = {folder / f"{item.name}.html": page_of(item, lang) for item in found}  # before a file is written
    changed = {path for path, text in pages.items() if differs(path, text)}
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in pages.items():
        if path in changed:
            write(path, text)
        print(f"{'wrote' if path in changed else 'kept'} {located(path)}")
        if shown and not webbrowser.open(path.resolve().as_uri()):
            print(f"gradscribe: found no browser to show {located(path)}", file=sys.stderr)
