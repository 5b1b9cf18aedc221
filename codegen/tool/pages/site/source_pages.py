"""What a derivation is made of and becomes: the equation, the files that are generated, the tests that speak of it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path, PurePosixPath

from gradscribe.codegen.driver import emitted
from gradscribe.codegen.python.text.render import templates
from gradscribe.codegen.target import TARGETS, target
from gradscribe.codegen.tool.lexers import highlighted
from gradscribe.codegen.tool.pages.site.contents import SOURCES, START, TESTS, Entry
from gradscribe.codegen.tool.pages.site.frame import Link, address, link, page_of_words
from gradscribe.derive.composition import Network
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.update import Optimiser

TESTED = ("product", "oracles", "derive/catalogue")
"""Where tests of single layers stand."""
LANGUAGES = {".py": "python", ".h": "c", ".c": "c", ".eq": "gradscribe", ".net": "gradscribe-network"}


def checkout() -> Path:
    """The folder that documents and tests are in, where there are such: a wheel has neither."""
    return templates().parent


@dataclass(frozen=True)
class Sources:
    """What a derivation is made of and becomes.

    Attributes:
        files: texts by the names of their files: the equation, what is generated.
        tests: paths of the tests that speak of it.
    """

    files: Mapping[str, str]
    tests: Sequence[str]

    def links(self, entry: Entry) -> list[Link]:
        """What the page of the derivation leads to: of each kind of files the first one, and the tests."""
        suffixes = {PurePosixPath(name).suffix: name for name in reversed(self.files)}
        found = [(name, f"{entry.sources}#{_place(name)}") for name in self.files if name in suffixes.values()]
        return [*found, *((PurePosixPath(test).name, test_path(test)) for test in self.tests)]

    def pages(self, entry: Entry) -> dict[str, str]:
        """A page with all files, and the files themselves beside it."""
        body = [f"<h1>{escape(entry.name)}: its equation, and what is generated of it</h1>"]
        body += [f"<p>The derivation: {link(entry.name, entry.path, entry.sources)}.</p>"]
        if self.tests:
            links = ", ".join(link(PurePosixPath(test).name, test_path(test), entry.sources) for test in self.tests)
            body += [f"<p>Tests that speak of it: {links}.</p>"]
        paths = {name: f"{SOURCES}/{entry.name}/{name}" for name in self.files}
        for name, text in self.files.items():
            file = f'<a href="{address(paths[name], entry.sources)}" download>{escape(name)}</a>'
            body += [f'<h2 id="{escape(_place(name))}">{file}</h2>', _code(text, name)]
        page = page_of_words(entry.sources, f"{entry.name}: sources", "\n".join(body), [(entry.name, entry.path)])
        return {entry.sources: page, **{paths[name]: text for name, text in self.files.items()}}


def sources_of(item: Layer | Optimiser) -> Sources:
    """The sources of a layer, a network or an optimiser."""
    return Sources({name: text for name, text in (*_equations(item), *_generated(item)) if text}, tests_of(item))


def test_pages() -> dict[str, str]:
    """A page for each file of tests."""
    return {
        test_path(name): page_of_words(
            test_path(name), name, f"<h1>{escape(name)}</h1>\n{_code(text, name)}", [("Tests", f"{START}#tests")]
        )
        for name, text in all_tests().items()
    }


def test_path(name: str) -> str:
    """The page of a file of tests."""
    return f"{TESTS}/{name.removeprefix('tests/').removesuffix('.py').replace('/', '-')}.html"


@cache
def all_tests() -> Mapping[str, str]:
    """The texts of tests by their paths in the checkout."""
    root = checkout()
    found = [path for folder in TESTED for path in sorted((root / "tests" / folder).rglob("test_*.py"))]
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in found}


def tests_of(item: Layer | Optimiser) -> list[str]:
    """The files of tests that name it: it, its functions or its class."""
    named = re.compile(rf"\b({re.escape(item.name)}(_forward|_backward|_grad_\w+|_update)?|{item.class_name})\b")
    return [name for name, text in all_tests().items() if named.search(text)]


def _equations(item: Layer | Optimiser) -> Iterator[tuple[str, str]]:
    """The text that it was read from, as a file; none where it was made otherwise."""
    layer = item.layer if isinstance(item, Optimiser) else item
    if layer.text:
        yield f"{item.name}{'.net' if isinstance(item, Network) else '.eq'}", f"{layer.text}\n"


def _generated(item: Layer | Optimiser) -> Iterator[tuple[str, str]]:
    """The files of every backend that can compute it."""
    for backend in TARGETS:
        if isinstance(item, Network) and not target(backend).networks:
            continue
        try:
            made = emitted(item, 1, backend)
        except EquationError:
            continue
        yield from ((part.path, part.text) for part in made.modules)


def _place(name: str) -> str:
    return name.replace("/", "-")


def _code(text: str, name: str) -> str:
    return f'<pre tabindex="0"><code>{highlighted(text, LANGUAGES[PurePosixPath(name).suffix])}</code></pre>'
