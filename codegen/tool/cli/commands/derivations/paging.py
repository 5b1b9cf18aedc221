"""`gradscribe page`: HTML files to look at, one for each derivation."""

import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from gradscribe.codegen.tool.cli.completion import names
from gradscribe.codegen.tool.cli.options import MANY
from gradscribe.codegen.tool.finding.find import find_any
from gradscribe.derive.ir.quote import located

Shown = Annotated[list[str], typer.Argument(metavar="LAYER ...", help=MANY, autocompletion=names)]


def page(
    wanted: Shown,
    folder: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the pages; this one by default.")
    ] = Path(),
    shown: Annotated[bool, typer.Option("--open", help="Show the pages in the browser.")] = False,
    seconds: Annotated[int, typer.Option(min=1, max=86_400, help="Seconds that all of it may take.")] = 120,
) -> None:
    """Write a page to look at, NAME.html: the derivation, step by step, beside the code that it becomes."""
    from gradscribe.codegen.files.present import differs
    from gradscribe.codegen.files.write import write
    from gradscribe.codegen.tool.pages.apart import Limits, apart

    limits = Limits(seconds, hint="; --seconds gives it longer")
    pages = {folder / name: text for name, text in apart(limits, _written, wanted)}  # before a file is written
    changed = {path for path, text in pages.items() if differs(path, text)}
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in pages.items():
        if path in changed:
            write(path, text)
        print(f"{'wrote' if path in changed else 'kept'} {located(path)}")
        if shown and not webbrowser.open(path.resolve().as_uri()):
            print(f"gradscribe: found no browser to show {located(path)}", file=sys.stderr)


def _written(wanted: Sequence[str]) -> list[tuple[str, str]]:
    """The pages by the names of their files. What they are made of may be a stranger's text."""
    found = [find_any(name) for name in wanted]
    from gradscribe.codegen.tool.pages.html.html_page import page_of

    return [(f"{item.name}.html", page_of(item)) for item in found]
