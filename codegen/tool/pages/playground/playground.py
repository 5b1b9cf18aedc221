"""The playground as files that any static host serves, and what the bundle of Python for browsers has to hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path

from gradscribe.codegen.python.text.render import PAGE_MARK, render, templates
from gradscribe.codegen.tool.pages.html import katex
from gradscribe.codegen.tool.pages.html.around_page import translated
from gradscribe.codegen.tool.pages.playground.answer import LONGEST
from gradscribe.codegen.tool.pages.playground.engine import engine
from gradscribe.derive.catalogue.pages.starting_texts import STARTING_TEXTS
from gradscribe.derive.derivation.record.translation import checked_language
from gradscribe.derive.ir.quote import located
from gradscribe.derive.typeset.writers.html.html_writer import data
from gradscribe.said import ENGLISH, Message, in_words

TEMPLATE = "playground/playground.html.jinja"
STYLES = ("katex/katex.min.css", "page.css", "playground.css")
SCRIPTS = ("katex/katex.min.js", "page.js", "playground.js")
SCRIPTED = ("pyodide.mjs", "pyodide.asm.mjs", "package.json")
FETCHED = ("pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
"""What is needed of npm's package pyodide: scripts, and what says its licence; what the worker fetches."""
ENGINE = "engine.zip"
SECONDS = 20
"""What a text may take in the browser."""
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; font-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
)
"""What a browser is told that the page may do: it loads its own files and sends nothing anywhere else."""
KEPT, SENT = Message("Nothing that you type leaves this page."), Message("What you type goes to your own machine only.")
OF_THE_SCRIPT = {
    "name": Message("gradscribe playground"),
    "silent": Message("The server does not answer; is gradscribe serve still running?"),
    "starting": Message("Starting"),
    "fetching": Message("Fetching Python"),
    "unpacking": Message("Unpacking"),
    "loading": Message("Loading SymPy"),
    "part": Message("{part} of {size} MB"),
    "stopped": Message("Stopped after {seconds} s: the text is too much. Python starts anew for the next one."),
    "unloaded": Message("Python could not be loaded: {reason}"),
    "worker": Message("Python could not be loaded: the browser does not run the worker"),
    "broken": Message("No answer to this text, which is a fault of gradscribe or too much for this browser: {reason}"),
    "place": Message("Line {line}, column {column}:"),
    "deriving": Message("Deriving …"),
    "copied": Message("Copied"),
    "refused": Message("Copy the address of this page"),
}
"""What the script says, by what it calls these words; it puts numbers and reasons in the places."""


@dataclass(frozen=True)
class Example:
    """A text to start from, escaped for HTML."""

    title: str
    text: str


@dataclass(frozen=True)
class PlaygroundContext:
    """All fields of the template."""

    mark: str
    language: str
    policy: str
    styles: tuple[str, ...]
    scripts: tuple[str, ...]
    above: str
    say: Callable[[str], str]
    words: str
    engine: str
    seconds: float
    size: int
    where: str
    longest: int
    examples: tuple[Example, ...]


def playground_files(
    bundle: Path | None, above: str = "", seconds: float = SECONDS, language: str = ENGLISH
) -> dict[str, bytes]:
    """The files of a playground by their paths.

    Args:
        bundle: the folder of npm's package pyodide: Python runs in the browser. None where a server answers texts at
            ``api/answer`` and ``api/check``, beside the page.
        above: elements of HTML that stand before all else.
        seconds: after which Python in the browser is stopped.
        language: of the page and of what it answers.

    Raises:
        EquationError: for an unknown language.
        FileNotFoundError: when the bundle is not complete.
    """
    checked_language(language)
    said = partial(translated, language)
    python = _python(bundle) if bundle is not None else {}
    context = PlaygroundContext(
        mark=f"{PAGE_MARK} what gradscribe is made of, template {TEMPLATE}. -->",
        language=language,
        policy=POLICY,
        styles=STYLES,
        scripts=SCRIPTS,
        above=above,
        say=said,
        words=data({name: in_words(message, language) for name, message in OF_THE_SCRIPT.items()}),
        engine="worker" if python else "server",
        seconds=seconds,
        size=sum(len(data) for name, data in python.items() if Path(name).name in (ENGINE, *FETCHED)),
        where=said(KEPT if python else SENT),
        longest=LONGEST,
        examples=tuple(Example(said(title), escape(text)) for title, text in STARTING_TEXTS.items()),
    )
    names = ["playground/playground.css", "playground/playground.js", "page/page.css", "page/page.js"]
    looks = {Path(name).name: (templates() / name).read_bytes() for name in names}
    page = {"index.html": render(TEMPLATE, context).encode(), **looks, **katex_files()}
    if python:
        page["worker.js"] = (templates() / "playground/worker.js").read_bytes()
    return {**page, **python}


def katex_files() -> dict[str, bytes]:
    """KaTeX beside a page: its program, its look and its fonts."""
    folder = katex.folder()
    return {f"katex/{p.relative_to(folder).as_posix()}": p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _python(bundle: Path) -> Mapping[str, bytes]:
    """Python, and what it runs."""
    names = (*SCRIPTED, *FETCHED)
    missing = [name for name in names if not (bundle / name).is_file()]
    if missing:
        raise FileNotFoundError(f"{located(bundle)} has no {', '.join(missing)}: `make pyodide` gets them from npm")
    return {**{f"pyodide/{name}": (bundle / name).read_bytes() for name in names}, ENGINE: engine(bundle)}
