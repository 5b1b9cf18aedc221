"""What stands around a page of a site: links to where it belongs and to what belongs to it; a page of words whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from gradscribe.codegen.python.text.render import PAGE_MARK, render
from gradscribe.codegen.tool.pages.html.around_page import Surroundings, shared
from gradscribe.codegen.tool.pages.site.contents import ASSETS, START
from gradscribe.derive.ir.quote import visible

TEMPLATE = "site/words.html.jinja"
STYLES = ("page.css", "site.css")
FORMULAS = ("katex/katex.min.css", *STYLES), ("katex/katex.min.js", "page.js")
"""Look and scripts of a page with formulas."""

Link = tuple[str, str]
"""What it says, and the path of a page of the site that it leads to."""


@dataclass(frozen=True)
class WordsContext:
    """All fields of the template."""

    mark: str
    title: str
    around: Surroundings
    body: str


def framed(
    path: str, title: str, trail: Sequence[Link], links: Sequence[Link], looks: tuple[Sequence[str], Sequence[str]]
) -> Surroundings:
    """What stands around a page.

    Args:
        path: of the page.
        title: what it is called there.
        trail: the pages above it, the first one apart.
        links: what belongs to it.
        looks: styles and scripts, by their paths among the assets.
    """
    root = "../" * path.count("/")
    styles, scripts = (tuple(f"{root}{ASSETS}/{name}" for name in names) for names in looks)
    return shared(f"{root}{ASSETS}/icon.svg", styles, scripts, _navigation(path, title, trail, links))


def page_of_words(
    path: str,
    title: str,
    body: str,
    trail: Sequence[Link] = (),
    links: Sequence[Link] = (),
    scripts: Sequence[str] = (),
) -> str:
    """A page without formulas: the start, documents, sources; `body` is HTML, `title` a text."""
    around = framed(path, title, trail, links, (STYLES, scripts))
    mark = f"{PAGE_MARK} what gradscribe is made of, template {TEMPLATE}. -->"
    return render(TEMPLATE, WordsContext(mark, words(title), around, body))


def words(text: str) -> str:
    """Anybody's words as HTML."""
    return escape(visible(text))


def link(text: str, path: str, of: str) -> str:
    """An element that leads from the page `of` to another one."""
    return f'<a href="{address(path, of)}">{words(text)}</a>'


def address(path: str, of: str) -> str:
    """A path of the site, perhaps with the name of a place behind #, from a page's point of view."""
    page, sign, place = path.partition("#")
    return escape("../" * of.count("/") + quote(page) + sign + quote(place))


def _navigation(path: str, title: str, trail: Sequence[Link], links: Sequence[Link]) -> str:
    home = [] if path == START else [("gradscribe", START)]
    steps = "".join(f"<li>{link(*step, path)}</li>" for step in (*home, *trail))
    here = f'<li aria-current="page">{words(title)}</li>'
    beside = "".join(f"<li>{link(*found, path)}</li>" for found in links)
    more = f'<ul class="beside">{beside}</ul>' if beside else ""
    return f'<nav class="site" aria-label="Site"><ol>{steps}{here}</ol>{more}</nav>'
