"""`gradscribe page`: HTML files to look at, one for each derivation."""

import sys
import webbrowser
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from gradscribe.codegen.tool.cli.completion import page_names
from gradscribe.codegen.tool.cli.options import ANY_PAGE, Dims, Language, OutputsOfTile, Points, TapsOfKernel
from gradscribe.codegen.tool.finding.topics import WINOGRAD, fast
from gradscribe.derive.catalogue.pages.chapter import Fast
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.ir.quote import located
from gradscribe.said import ENGLISH

Shown = Annotated[list[str], typer.Argument(metavar="LAYER ...", help=ANY_PAGE, autocompletion=page_names)]


def page(
    wanted: Shown,
    folder: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the pages; this one by default.")
    ] = Path(),
    shown: Annotated[bool, typer.Option("--open", help="Show the pages in the browser.")] = False,
    lang: Language = ENGLISH,
    m: OutputsOfTile = None,
    r: TapsOfKernel = None,
    points: Points = None,
    dims: Dims = None,
    seconds: Annotated[int, typer.Option(min=1, max=86_400, help="Seconds that all of it may take.")] = 120,
) -> None:
    """Write a page to look at, NAME.html: the derivation, step by step, beside the code that it becomes."""
    from gradscribe.codegen.files.present import differs
    from gradscribe.codegen.files.write import write
    from gradscribe.codegen.tool.pages.apart import Limits, apart

    chosen = [option for option, value in {"m": m, "r": r, "points": points, "dims": dims}.items() if value is not None]
    if chosen and WINOGRAD not in wanted:
        raise EquationError(f"--{chosen[0]}: gradscribe page {WINOGRAD} has it")
    asked = [fast(m, r, points, dims) if name == WINOGRAD else name for name in wanted]
    limits = Limits(seconds, hint="; --seconds gives it longer")
    pages = {folder / name: text for name, text in apart(limits, _written, asked, lang)}  # before a file is written
    changed = {path for path, text in pages.items() if differs(path, text)}
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in pages.items():
        if path in changed:
            write(path, text)
        print(f"{'wrote' if path in changed else 'kept'} {located(path)}")
        if shown and not webbrowser.open(path.resolve().as_uri()):
            print(f"gradscribe: found no browser to show {located(path)}", file=sys.stderr)


def _written(asked: "Sequence[str | Fast]", language: str) -> list[tuple[str, str]]:
    """The pages by the names of their files. What they are made of may be a stranger's text."""
    from gradscribe.codegen.tool.pages.html.html_page import html_page
    from gradscribe.codegen.tool.pages.html.named_page import shown_named

    found = [(f"{name}.html", shown) for name, shown in (shown_named(one, language) for one in asked)]
    twice = next((name for name, count in Counter(name for name, _ in found).items() if count > 1), None)
    if twice is not None:
        raise EquationError(f"two pages would be {twice}; write a text into a file, whose name its page has")
    return [(name, html_page(name.removesuffix(".html"), shown)) for name, shown in found]
