"""The pages of derivations: the same content as `gradscribe page` writes, in a site."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gradscribe.codegen.tool.finding.topics import WINOGRAD, Fast
from gradscribe.codegen.tool.pages.html.html_page import Shown, html_page, shown_of
from gradscribe.codegen.tool.pages.html.named_page import shown_named
from gradscribe.codegen.tool.pages.site.contents import START, Entry
from gradscribe.codegen.tool.pages.site.frame import FORMULAS, Link, framed

if TYPE_CHECKING:
    from gradscribe.derive.layer.interface import Layer
    from gradscribe.derive.layer.update import Optimiser

FAST = Fast(4, 3)
"""The fast correlation that has a page."""


def item_page(entry: Entry, item: "Layer | Optimiser", links: Sequence[Link]) -> str:
    """The page of a layer, a network or an optimiser."""
    return _page(entry, shown_of(item), links)


def topic_page(entry: Entry) -> str:
    """The page of what is no layer."""
    _, what = shown_named(FAST if entry.wanted == WINOGRAD else entry.wanted)
    return _page(entry, what, ())


def anchor(family: str) -> str:
    """The place of a family on the first page."""
    return family.lower().replace(" ", "-")


def _page(entry: Entry, what: Shown, links: Sequence[Link]) -> str:
    trail = [(entry.family, f"{START}#{anchor(entry.family)}")]
    return html_page(entry.name, what, framed(entry.path, entry.name, trail, links, FORMULAS))
