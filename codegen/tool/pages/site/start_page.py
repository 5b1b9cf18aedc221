"""The first page of a site: what there is, by family, and a search that asks nobody."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape

from gradscribe.codegen.python.text.render import render
from gradscribe.codegen.tool.pages.html.around_page import translated
from gradscribe.codegen.tool.pages.site.contents import (
    DOCUMENTATION,
    DOCUMENTED,
    START,
    TESTED,
    TESTS,
    Entry,
    anchor,
    families,
)
from gradscribe.codegen.tool.pages.site.document_pages import Written
from gradscribe.codegen.tool.pages.site.frame import Link, link, page_of_words, words
from gradscribe.codegen.tool.pages.site.play_pages import PLAY, PLAYGROUND
from gradscribe.derive.ir.quote import visible
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.update import Optimiser
from gradscribe.derive.typeset.writers.html.html_writer import data
from gradscribe.said import ENGLISH, Message, in_words

TEMPLATE = "site/search.html.jinja"
INDEX = "search_index.js"
"""The file of what the search knows: a script, as a page that is a file itself may not read another one."""
SCRIPTS = (INDEX, "search.js")
HEADING = Message("Derivations of layers")
LEAD = Message(
    "A layer's forward pass is text in index notation. gradscribe differentiates it, prints the derivation step by "
    "step, and writes kernels in NumPy and C. These are the derivations, with the code that they become."
)
OF_THE_SCRIPT = {
    "nothing": Message("nothing found"),
    "found": Message("{number} found"),
    "more": Message("{number} found, the first {most}:"),
}
"""What the search says, by what its script calls these words; it puts numbers in the places."""
_WORD = re.compile(r"[^\W\d]\w{2,}")


@dataclass(frozen=True)
class Found:
    """What the search can find.

    Attributes:
        title: what it is called.
        said: a few words that are shown beside it.
        path: where it is.
        words: all words that lead to it.
    """

    title: str
    said: str
    path: str
    words: str


@dataclass(frozen=True)
class SearchContext:
    """All fields of the template."""

    say: Callable[[str], str]
    words: str
    example: str


def of_entry(entry: Entry, item: Layer | Optimiser | None, language: str = ENGLISH) -> Found:
    """A derivation: its family, options and sources lead to it, too."""
    layer = item.layer if isinstance(item, Optimiser) else item
    options = [] if layer is None else [layer.class_name, *(o.name for o in layer.options), layer.source]
    words = _different(" ".join((entry.family, entry.kind, *options)), in_words(entry.family, language).split())
    return Found(entry.name, entry.title, entry.path, words)


def of_document(document: Written, language: str = ENGLISH) -> list[Found]:
    """The sections of a document."""
    kind = in_words(Message("document"), language)
    return [
        Found(
            section.title,
            document.title if k else kind,
            f"{document.path}#{section.place}",
            _different(section.words),
        )
        for k, section in enumerate(document.sections)
    ]


def index(found: Sequence[Found]) -> str:
    """What the search knows, as a script."""
    rows = ([visible(f.title), visible(f.said), f.path, f.words] for f in found)
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    return f'"use strict";\nconst INDEX = [\n{lines}\n];\n'


def start_page(
    entries: Sequence[Entry], documents: Sequence[Written], tests: Sequence[Link], language: str = ENGLISH
) -> str:
    """The page.

    Args:
        entries: the derivations.
        documents: the documents.
        tests: the pages of tests.
        language: of the site; documents and tests are English.
    """
    listed = {
        anchor(family): (family, [((e.name, e.path), e.title) for e in found])
        for family, found in families(entries).items()
    }
    listed[DOCUMENTATION] = DOCUMENTED, [((d.title, d.path), "") for d in documents]
    listed[TESTS] = TESTED, [(test, "") for test in tests]
    there = {place: (in_words(title, language), found) for place, (title, found) in listed.items() if found}
    body = [
        f"<h1>{translated(language, HEADING)}</h1>",
        f"<p>{translated(language, LEAD)}</p>",
        _search(entries[0].name, language),
    ]
    for place, (title, found) in there.items():
        body += _listed(place, title, found, ENGLISH if place in (DOCUMENTATION, TESTS) else language, language)
    links = [
        (in_words(PLAYGROUND, language), PLAY),
        *((title, f"{START}#{place}") for place, (title, _) in there.items()),
    ]
    return page_of_words(START, "gradscribe", "\n".join(body), links=links, scripts=SCRIPTS, language=language)


def _search(example: str, language: str) -> str:
    """The search, which shows a name that it finds."""
    words = data({name: in_words(message, language) for name, message in OF_THE_SCRIPT.items()})
    return render(TEMPLATE, SearchContext(partial(translated, language), words, escape(example))).rstrip("\n")


def _listed(place: str, title: str, found: Sequence[tuple[Link, str]], content: str, language: str) -> list[str]:
    """A list of links, which are in a language of their own, below its heading."""
    own = f' lang="{content}"' if content != language else ""
    lines = [f"<li>{link(*to, START)}{f' <span>{words(said)}</span>' if said else ''}</li>" for to, said in found]
    return [
        f'<section id="{escape(place)}">',
        f"<h2>{escape(title)}</h2>",
        f'<ul class="entries"{own}>',
        *lines,
        "</ul></section>",
    ]


def _different(text: str, more: Sequence[str] = ()) -> str:
    """The words of a text that are long enough, and more, each once, in the order of the alphabet."""
    return " ".join(sorted({word.lower() for word in (*_WORD.findall(text), *more)}))
