"""What a derivation is made of and becomes: the equation, the files that are generated, the tests that speak of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path, PurePosixPath

from gradscribe.codegen.driver import emitted
from gradscribe.codegen.python.text.render import templates
from gradscribe.codegen.target import TARGETS, target
from gradscribe.codegen.tool.lexers import highlighted
from gradscribe.codegen.tool.pages.site.contents import SOURCES, START, TESTED, TESTS, Entry
from gradscribe.codegen.tool.pages.site.frame import Link, address, link, page_of_words, words
from gradscribe.derive.composition import Network
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.update import Optimiser
from gradscribe.said import ENGLISH, Message, in_words, say, say_number

SEARCHED = ("product", "oracles", "derive/catalogue")
"""Where tests of single layers stand."""
EQUATION = Message("Equation")
SPEAKING = "tests"
"""The place of tests on the page of an item's sources."""
LANGUAGES = {".py": "python", ".h": "c", ".c": "c", ".eq": "gradscribe", ".net": "gradscribe-network"}


def checkout() -> Path:
    """The folder that documents and tests are in, where there are such: a wheel has neither."""
    return templates().parent


@dataclass(frozen=True)
class Sources:
    """What a derivation is made of and becomes.

    Attributes:
        files: texts by the names of their files, by what they are: the equation, the code of each backend.
        tests: paths of the tests that speak of it.
    """

    files: Mapping[str, Mapping[str, str]]
    tests: Sequence[str]

    def links(self, entry: Entry, language: str) -> list[Link]:
        """What the page of the derivation leads to."""
        found = [
            (in_words(kind, language), f"{entry.sources}#{_place(next(iter(files)))}")
            for kind, files in self.files.items()
        ]
        number = len(self.tests)
        count = say_number(number, "{number} file of tests", "{number} files of tests", number=number)
        return [*found, *([(in_words(count, language), f"{entry.sources}#{SPEAKING}")] if self.tests else [])]

    def pages(self, entry: Entry, language: str) -> dict[str, str]:
        """A page with all files, and the files themselves beside it."""
        named = {name: text for files in self.files.values() for name, text in files.items()}
        paths = {name: f"{SOURCES}/{entry.name}/{name}" for name in named}
        heading = say("{name}: its equation, and what is generated of it", name=entry.name)
        derivation = words(in_words(Message("The derivation"), language))
        body = [f"<h1>{words(in_words(heading, language))}</h1>"]
        body += [f"<p>{derivation}: {link(entry.name, entry.path, entry.sources)}.</p>"]
        for name, text in named.items():
            file = f'<a href="{address(paths[name], entry.sources)}" download>{escape(name)}</a>'
            body += [f'<h2 id="{escape(_place(name))}">{file}</h2>', _code(text, name)]
        if self.tests:
            links = (link(PurePosixPath(test).name, path_of_test(test), entry.sources) for test in self.tests)
            items = "".join(f"<li>{found}</li>" for found in links)
            speaking = words(in_words(Message("Tests that speak of it"), language))
            body += [f'<h2 id="{SPEAKING}">{speaking}</h2>', f"<ul>{items}</ul>"]
        title, trail = in_words(Message("sources"), language), [(entry.name, entry.path)]
        page = page_of_words(entry.sources, title, "\n".join(body), trail, language=language)
        return {entry.sources: page, **{paths[name]: text for name, text in named.items()}}


def sources_of(item: Layer | Optimiser) -> Sources:
    """The sources of a layer, a network or an optimiser."""
    found = {EQUATION: _equation(item), **{TARGETS[name].title: _generated(item, name) for name in TARGETS}}
    return Sources({kind: files for kind, files in found.items() if files}, tests_of(item))


def pages_of_tests(language: str = ENGLISH) -> dict[str, str]:
    """A page for each file of tests."""
    trail = [(in_words(TESTED, language), f"{START}#{TESTS}")]
    return {
        path_of_test(name): page_of_words(
            path_of_test(name),
            name,
            f"<h1>{escape(name)}</h1>\n{_code(text, name)}",
            trail,
            language=language,
            content=ENGLISH,
        )
        for name, text in all_tests().items()
    }


def path_of_test(name: str) -> str:
    """The page of a file of tests."""
    return f"{TESTS}/{name.removeprefix('tests/').removesuffix('.py').replace('/', '-')}.html"


@cache
def all_tests() -> Mapping[str, str]:
    """The texts of tests by their paths in the checkout."""
    root = checkout()
    found = [path for folder in SEARCHED for path in sorted((root / "tests" / folder).rglob("test_*.py"))]
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in found}


def tests_of(item: Layer | Optimiser) -> list[str]:
    """The files of tests that name it: it, its functions or its class."""
    named = re.compile(rf"\b({re.escape(item.name)}(_forward|_backward|_grad_\w+|_update)?|{item.class_name})\b")
    return [name for name, text in all_tests().items() if named.search(text)]


def _equation(item: Layer | Optimiser) -> dict[str, str]:
    """The text that it was read from, as a file; none where it was made otherwise."""
    layer = item.layer if isinstance(item, Optimiser) else item
    suffix = ".net" if isinstance(item, Network) else ".eq"
    return {f"{item.name}{suffix}": f"{layer.text}\n"} if layer.text else {}


def _generated(item: Layer | Optimiser, backend: str) -> dict[str, str]:
    """The files of a backend; none where it cannot compute that. What says nothing is left out."""
    if isinstance(item, Network) and not target(backend).networks:
        return {}
    try:
        made = emitted(item, 1, backend)
    except EquationError:
        return {}
    return {part.path: part.text for part in made.modules if part.text}


def _place(name: str) -> str:
    return name.replace("/", "-")


def _code(text: str, name: str) -> str:
    return f'<pre tabindex="0"><code>{highlighted(text, LANGUAGES[PurePosixPath(name).suffix])}</code></pre>'
