"""The playground of a site: with Python for browsers where its bundle is there, else a page that says how to get it."""

from pathlib import Path

from gradscribe.codegen.python.text.render import templates
from gradscribe.codegen.tool.pages.playground.playground import playground_files
from gradscribe.codegen.tool.pages.site.contents import START
from gradscribe.codegen.tool.pages.site.frame import link, page_of_words, words
from gradscribe.codegen.tool.pages.site.site_folder import File
from gradscribe.said import ENGLISH, Message, in_words

FOLDER = "playground"
PLAY = f"{FOLDER}/index.html"
PLAYGROUND = Message("Playground")
MISSING = Message(
    "The playground of this site has no Python for browsers: `make pyodide` in a checkout gets it, --pyodide DIR says "
    "where it is, and `gradscribe serve` does without."
)
LOOK = "padding: 0.5rem 1rem; font: var(--plain)"
"""The playground has its own styles."""


def above(language: str = ENGLISH) -> str:
    """What leads back from the playground to the site."""
    site, here = (words(in_words(message, language)) for message in (Message("Site"), PLAYGROUND))
    return f'<nav aria-label="{site}" style="{LOOK}">{link("gradscribe", START, PLAY)} / {here}</nav>'


def own_bundle() -> Path | None:
    """Python for browsers where `make pyodide` puts it; None where it has not been run."""
    found = templates().parent / "build" / "pyodide"
    return found if found.is_dir() else None


def play_files(bundle: Path | None, language: str = ENGLISH) -> dict[str, File]:
    """The files of the playground, by their paths in the site.

    Args:
        bundle: the folder of npm's package pyodide, None for none.
        language: of the site.

    Raises:
        FileNotFoundError: when the bundle is not complete.
    """
    if bundle is None:
        title, missing = (in_words(message, language) for message in (PLAYGROUND, MISSING))
        body = f"<h1>{words(title)}</h1>\n<p>{words(missing)}</p>"
        return {PLAY: page_of_words(PLAY, title, body, language=language)}
    files = playground_files(bundle, above(language), language=language)
    return {f"{FOLDER}/{name}": data for name, data in files.items()}
