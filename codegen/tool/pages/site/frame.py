"""What stands around a page of a site: links to where it belongs and to what belongs to it; a page of words whole."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from urllib.parse import quote

from gradscribe.codegen.python.text.render import PAGE_MARK, render
from gradscribe.codegen.tool.pages.html.around_page import Surroundings, shared, translated
from gradscribe.codegen.tool.pages.site.contents import ASSETS, START
from gradscribe.derive.ir.quote import visible
from gradscribe.said import ENGLISH, Message, in_words

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
    language: str
    content: str
    title: str
    around: Surroundings
    body: str
    say: Callable[[str], str]


def framed(
    path: str,
    title: str,
    trail: Sequence[Link],
    links: Sequence[Link],
    looks: tuple[Sequence[str], Sequence[str]],
    language: str = ENGLISH,
) -> Surroundings:
    """What stands around a page.

    Args:
        path: of the page.
        title: what it is called there.
        trail: the pages above it, the first one apart.
        links: what belongs to it.
        looks: styles and scripts, by their paths among the assets.
        language: of the site.
    """
    root = "../" * path.count("/")
    styles, scripts = (tuple(f"{root}{ASSETS}/{name}" for name in names) for names in looks)
    return shared(f"{root}{ASSETS}/icon.svg", styles, scripts, _navigation(path, title, trail, links, language))


def page_of_words(
    path: str,
    title: str,
    body: str,
    trail: Sequence[Link] = (),
    links: Sequence[Link] = (),
    scripts: Sequence[str] = (),
    language: str = ENGLISH,
    content: str = "",
) -> str:
    """A page without formulas: the start, documents, sources.

    Args:
        path: of the page.
        title: a text.
        body: HTML.
        trail: the pages above it.
        links: what belongs to it.
        scripts: by their paths among the assets.
        language: of the site.
        content: the language of the body; that of the site if it is "".
    """
    context = WordsContext(
        mark=f"{PAGE_MARK} what gradscribe is made of, template {TEMPLATE}. -->",
        language=language,
        content=content or language,
        title=words(title),
        around=framed(path, title, trail, links, (STYLES, scripts), language),
        body=body,
        say=partial(translated, language),
    )
    return render(TEMPLATE, context)


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


def _navigation(path: str, title: str, trail: Sequence[Link], links: Sequence[Link], language: str) -> str:
    home = [] if path == START else [("gradscribe", START)]
    steps = "".join(f"<li>{link(*step, path)}</li>" for step in (*home, *trail))
    here = f'<li aria-current="page">{words(title)}</li>'
    beside = "".join(f"<li>{link(*found, path)}</li>" for found in links)
    more = f'<ul class="beside">{beside}</ul>' if beside else ""
    site = words(in_words(Message("Site"), language))
    return f'<nav class="site" aria-label="{site}"><ol>{steps}{here}</ol>{more}</nav>'
