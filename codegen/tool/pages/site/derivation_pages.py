"""The pages of derivations: the same content as `gradscribe page` writes, in a site."""

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

from gradscribe.codegen.tool.finding.find import equations_of
from gradscribe.codegen.tool.pages.html.html_page import Shown, html_page, shown, shown_of
from gradscribe.codegen.tool.pages.site.contents import START, WINOGRAD, Entry
from gradscribe.codegen.tool.pages.site.frame import FORMULAS, Link, framed
from gradscribe.derive.catalogue.pages import PAGES
from gradscribe.derive.catalogue.pages.chapter import TITLE, TOPICS, Topic
from gradscribe.derive.derivation import derive
from gradscribe.derive.derivation.certificate.certify import certify
from gradscribe.derive.derivation.record.page_record import Derivation
from gradscribe.derive.typeset.document.arrange import chapter, document
from gradscribe.derive.typeset.document.document import Document
from gradscribe.derive.typeset.writers.html.html_writer import page as written

if TYPE_CHECKING:
    from gradscribe.derive.layer.interface import Layer
    from gradscribe.derive.layer.update import Optimiser

OUTPUTS, TAPS, AXES = 4, 3, 2
"""The fast correlation that has a page."""


def item_page(entry: Entry, item: "Layer | Optimiser", links: Sequence[Link]) -> str:
    """The page of a layer, a network or an optimiser."""
    return _page(entry, shown_of(item), links)


def topic_page(entry: Entry, links: Sequence[Link]) -> str:
    """The page of what is no layer."""
    return _page(entry, _topic(entry.name), links)


def _page(entry: Entry, what: Shown, links: Sequence[Link]) -> str:
    trail = [(entry.family, f"{START}#{anchor(entry.family)}")]
    return html_page(entry.name, what, framed(entry.path, entry.name, trail, links, FORMULAS))


def anchor(family: str) -> str:
    """The place of a family on the first page."""
    return family.lower().replace(" ", "-")


def _topic(name: str) -> Shown:
    """What there is to see of it."""
    if name in PAGES:
        return shown(PAGES[name]())
    if name == WINOGRAD:
        return _fast_correlation()
    pages = [_derived(topic) for topic in TOPICS]
    return _words(TITLE, chapter(TITLE, [(page, certify(page) if page.sections else None) for page in pages]), pages)


def _derived(topic: Topic) -> Derivation:
    if topic.name in PAGES:
        page = PAGES[topic.name]()
    else:
        page = derive(equations_of(topic.name), topic.wrt or None, topic.settings)
    return replace(page, name=topic.title) if topic.title else page


def _fast_correlation() -> Shown:
    from gradscribe.derive.catalogue.winograd import cook_toom
    from gradscribe.derive.catalogue.winograd.closing import close
    from gradscribe.derive.catalogue.winograd.fast_correlation import derive_winograd

    algorithm = cook_toom(OUTPUTS, TAPS, None)
    derivation = derive_winograd(algorithm, AXES)
    return _words(derivation.heading, document(derivation, close(derivation, algorithm, AXES)), [derivation])


def _words(title: str, whole: Document, pages: Sequence[Derivation]) -> Shown:
    """A document without code beside it."""
    forms = any(r.form is not None for page in pages for s in page.sections for r in s.results)
    return Shown(escape(title), written(whole), forms, None, None, ())
