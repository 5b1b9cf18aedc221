"""The first page of a site: what there is, by family, and a search that asks nobody."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from gradscribe.codegen.tool.pages.site.contents import DOCUMENTATION, START, TESTS, Entry, anchor, families
from gradscribe.codegen.tool.pages.site.document_pages import Written
from gradscribe.codegen.tool.pages.site.frame import Link, link, page_of_words, words
from gradscribe.codegen.tool.pages.site.play_pages import PLAY
from gradscribe.derive.ir.quote import visible
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.update import Optimiser

INDEX = "search_index.js"
"""The file of what the search knows: a script, as a page that is a file itself may not read another one."""
SCRIPTS = (INDEX, "search.js")
LEAD = (
    "A layer's forward pass is text in index notation. gradscribe differentiates it, prints the derivation step by "
    "step, and writes kernels in NumPy and C. These are the derivations, with the code that they become."
)
SEARCH = """\
<form class="search" role="search">
<label for="query">Search</label>
<input type="search" id="query" autocomplete="off" spellcheck="false" aria-describedby="keys" placeholder="conv2d">
<p id="keys">/ leads here, the arrow keys to what was found.</p>
<p id="count" role="status" aria-live="polite"></p>
<ol id="found"></ol>
</form>
<noscript><p>The search takes JavaScript; everything stands below, too.</p></noscript>"""
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


def of_entry(entry: Entry, item: Layer | Optimiser | None) -> Found:
    """A derivation: its family, options and sources lead to it, too."""
    layer = item.layer if isinstance(item, Optimiser) else item
    options = [] if layer is None else [layer.class_name, *(o.name for o in layer.options), layer.source]
    return Found(entry.name, entry.title, entry.path, _different(" ".join((entry.family, entry.kind, *options))))


def of_document(document: Written) -> list[Found]:
    """The sections of a document."""
    return [
        Found(
            section.title,
            document.title if k else "document",
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


def start_page(entries: Sequence[Entry], documents: Sequence[Written], tests: Sequence[Link]) -> str:
    """The page.

    Args:
        entries: the derivations.
        documents: the documents.
        tests: the pages of tests.
    """
    listed = {
        anchor(family): (family, [((e.name, e.path), e.title) for e in found])
        for family, found in families(entries).items()
    }
    listed[DOCUMENTATION] = "Documentation", [((d.title, d.path), "") for d in documents]
    listed[TESTS] = "Tests", [(test, "") for test in tests]
    there = {place: (title, found) for place, (title, found) in listed.items() if found}
    body = ["<h1>Derivations of layers</h1>", f"<p>{escape(LEAD)}</p>", SEARCH]
    for place, (title, found) in there.items():
        body += _listed(place, title, found)
    links = [("Playground", PLAY), *((title, f"{START}#{place}") for place, (title, _) in there.items())]
    return page_of_words(START, "gradscribe", "\n".join(body), links=links, scripts=SCRIPTS)


def _listed(place: str, title: str, found: Sequence[tuple[Link, str]]) -> list[str]:
    lines = [f"<li>{link(*to, START)}{f' <span>{words(said)}</span>' if said else ''}</li>" for to, said in found]
    return [
        f'<section id="{escape(place)}">',
        f"<h2>{escape(title)}</h2>",
        '<ul class="entries">',
        *lines,
        "</ul></section>",
    ]


def _different(text: str) -> str:
    """The words of a text, each once, in the order of the alphabet."""
    return " ".join(sorted({word.lower() for word in _WORD.findall(text)}))
