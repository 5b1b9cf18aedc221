"""The playground of a site: with Python for browsers where its bundle is there, else a page that says how to get it."""

from html import escape
from pathlib import Path

from gradscribe.codegen.python.text.render import templates
from gradscribe.codegen.tool.pages.playground.playground import playground_files
from gradscribe.codegen.tool.pages.site.contents import START
from gradscribe.codegen.tool.pages.site.frame import link, page_of_words
from gradscribe.codegen.tool.pages.site.site_folder import File

FOLDER = "playground"
PLAY = f"{FOLDER}/index.html"
MISSING = (
    "The playground of this site has no Python for browsers: `make pyodide` in a checkout gets it, --pyodide DIR says "
    "where it is, and `gradscribe serve` does without."
)
LOOK = "padding: 0.5rem 1rem; font: var(--plain)"
"""The playground has its own styles."""


def above() -> str:
    """What leads back from the playground to the site."""
    return f'<nav aria-label="Site" style="{LOOK}">{link("gradscribe", START, PLAY)} / Playground</nav>'


def own_bundle() -> Path | None:
    """Python for browsers where `make pyodide` puts it; None where it has not been run."""
    found = templates().parent / "build" / "pyodide"
    return found if found.is_dir() else None


def play_files(bundle: Path | None) -> dict[str, File]:
    """The files of the playground, by their paths in the site.

    Args:
        bundle: the folder of npm's package pyodide, None for none.

    Raises:
        FileNotFoundError: when the bundle is not complete.
    """
    if bundle is None:
        return {PLAY: page_of_words(PLAY, "Playground", f"<h1>Playground</h1>\n<p>{escape(MISSING)}</p>")}
    return {f"{FOLDER}/{name}": data for name, data in playground_files(bundle, above()).items()}
