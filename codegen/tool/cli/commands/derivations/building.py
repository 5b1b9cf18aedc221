"""`gradscribe site`: all pages as one folder for any static host."""

from pathlib import Path
from typing import Annotated

import typer

from gradscribe.codegen.tool.cli.options import Language, Names
from gradscribe.derive.ir.quote import located
from gradscribe.said import ENGLISH


def site(
    wanted: Names = None,
    folder: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the site; ./site by default.")
    ] = Path("site"),
    pyodide: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of npm's package pyodide; build/pyodide of a checkout by default."),
    ] = None,
    language: Language = ENGLISH,
) -> None:
    """Write a site: a page for everything in the catalogue, or for what is named, with the documents and a search."""
    from gradscribe.codegen.tool.pages.site.site_folder import check_ours, write_site

    check_ours(folder)  # before minutes of work
    from gradscribe.codegen.tool.pages.site.build import site as built
    from gradscribe.codegen.tool.pages.site.contents import catalogue, chosen
    from gradscribe.codegen.tool.pages.site.play_pages import MISSING, own_bundle

    entries = chosen(wanted) if wanted else catalogue()
    bundle = pyodide or own_bundle()
    files = built(entries, lambda words: print(words, flush=True), bundle=bundle, language=language)
    changed = write_site(folder, files, language)
    if bundle is None:
        print(MISSING)
    print(f"{'wrote' if changed else 'kept'} {located(folder / 'index.html')}, {len(changed)} files have changed")
