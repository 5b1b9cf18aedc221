"""A site as a whole: the pages of all derivations and documents, made on all cores."""

import multiprocessing
import os
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from gradscribe.codegen.python.text.render import templates
from gradscribe.codegen.tool.finding.find import find_any
from gradscribe.codegen.tool.finding.topics import WINOGRAD
from gradscribe.codegen.tool.pages.apart import FORKED
from gradscribe.codegen.tool.pages.html import katex
from gradscribe.codegen.tool.pages.html.html_page import Shown, html_page, shown_of
from gradscribe.codegen.tool.pages.html.named_page import shown_named
from gradscribe.codegen.tool.pages.site.contents import ASSETS, OWN, START, TOPIC, Entry, anchor
from gradscribe.codegen.tool.pages.site.document_pages import Written, document_page, documents, pictures
from gradscribe.codegen.tool.pages.site.frame import FORMULAS, Link, framed
from gradscribe.codegen.tool.pages.site.play_pages import PLAY, PLAYGROUND, play_files
from gradscribe.codegen.tool.pages.site.site_folder import File
from gradscribe.codegen.tool.pages.site.source_pages import (
    all_tests,
    checkout,
    pages_of_tests,
    path_of_test,
    sources_of,
)
from gradscribe.codegen.tool.pages.site.start_page import INDEX, Found, index, of_document, of_entry, start_page
from gradscribe.derive.catalogue.pages.chapter import Fast
from gradscribe.derive.derivation.record.translation import checked_language
from gradscribe.derive.layer.update import Optimiser
from gradscribe.said import ENGLISH, in_words

FAST = Fast(4, 3)
"""The fast correlation that has a page."""
QUIET = 2.0
"""Seconds after which it is said what takes so long."""
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Made:
    """What one piece of work gives: files, and what the search finds in them."""

    files: dict[str, File] = field(default_factory=dict)
    found: tuple[Found, ...] = ()
    document: Written | None = None


Work = tuple[str, Callable[[], Made]]
"""What is worked on, in a word, and the work."""


def site(
    entries: Sequence[Entry],
    tell: Tell,
    workers: int | None = None,
    bundle: Path | None = None,
    language: str = ENGLISH,
) -> dict[str, File]:
    """The files of a site by their paths.

    Args:
        entries: the derivations.
        tell: is told how far it is.
        workers: processes; one for each core by default.
        bundle: the folder of Python for browsers, for the playground; None for none.
        language: of all but documents and tests.

    Raises:
        EquationError: for a mistake in what is derived, and for an unknown language.
        FileNotFoundError: when the bundle is not complete.
    """
    checked_language(language)
    entries = [titled(entry, language) for entry in entries]
    root = checkout()
    names = documents(root)
    work: list[Work] = [(entry.name, partial(_derivation, entry, language)) for entry in entries]
    work += [(name, partial(_document, root, name, language)) for name in names]
    work += [("playground", partial(_playground, bundle, language))]
    made = _all(work, tell, workers or os.cpu_count() or 1)
    files: dict[str, File] = {path: data for one in made for path, data in one.files.items()}
    files |= _assets() | pages_of_tests(language)
    files |= pictures(root)
    written = [one.document for one in made if one.document is not None]
    tests: list[Link] = [(name.removeprefix("tests/"), path_of_test(name)) for name in all_tests()]
    files[START] = start_page(entries, written, tests, language)
    files[f"{ASSETS}/{INDEX}"] = index([found for one in made for found in one.found])
    return dict(sorted(files.items()))


def titled(entry: Entry, language: str) -> Entry:
    """With the title that it has in a language, if it is ours."""
    return replace(entry, title=in_words(entry.title, language))


def _derivation(entry: Entry, language: str) -> Made:
    """The page of a derivation, with the content that `gradscribe page` writes, and its sources."""
    if entry.kind == TOPIC:
        _, what = shown_named(FAST if entry.wanted == WINOGRAD else entry.wanted, language)
        return Made({entry.path: _page(entry, what, ())}, (of_entry(entry, None, language),))
    item = find_any(entry.wanted)
    sources = sources_of(item)
    layer = item.layer if isinstance(item, Optimiser) else item
    typed = layer.text if entry.family == OWN else entry.name
    play = in_words(PLAYGROUND, language)
    links = [*sources.links(entry, language), *([(play, f"{PLAY}#{typed}")] if typed else [])]
    page = _page(entry, shown_of(item, language), links)
    return Made({entry.path: page, **sources.pages(entry, language)}, (of_entry(entry, item, language),))


def _page(entry: Entry, what: Shown, links: Sequence[Link]) -> str:
    trail = [(in_words(entry.family, what.language), f"{START}#{anchor(entry.family)}")]
    return html_page(entry.name, what, framed(entry.path, entry.name, trail, links, FORMULAS, what.language))


def _document(root: Path, name: str, language: str) -> Made:
    written = document_page(root, name, language)
    return Made({written.path: written.text}, tuple(of_document(written, language)), written)


def _playground(bundle: Path | None, language: str) -> Made:
    return Made(play_files(bundle, language))


def _assets() -> dict[str, File]:
    """Look and scripts, once for all pages."""
    own = {f"{ASSETS}/{path.name}": path.read_bytes() for path in _shared()}
    folder = katex.folder()
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {**own, **{f"{ASSETS}/katex/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in found}}


def _shared() -> Iterator[Path]:
    for folder in ("page", "site"):
        yield from sorted(p for p in (templates() / folder).iterdir() if p.suffix in (".css", ".js", ".svg"))


def _all(work: Sequence[Work], tell: Tell, workers: int) -> list[Made]:
    """What all pieces of work give, in their order; what takes longest should stand last, where it is begun first."""
    context: Any = multiprocessing.get_context(FORKED)
    others = {child.pid for child in multiprocessing.active_children()}
    pool = ProcessPoolExecutor(min(workers, len(work)), context, initializer=_ends_at_once)
    try:
        with warnings.catch_warnings():  # see `apart`
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", RuntimeWarning)
            started = {pool.submit(does): name for name, does in reversed(work)}
        _watch(started, tell, workers)
        return [future.result() for future in reversed(started)]
    except BaseException:  # nobody waits for what is worked on
        for child in multiprocessing.active_children():
            if child.pid not in others:
                child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _watch(started: dict[Future[Made], str], tell: Tell, workers: int) -> None:
    """Say how far it is, at least every few seconds; the first mistake ends it."""
    waiting, said = set(started), time.monotonic()
    while waiting:
        done, waiting = wait(waiting, QUIET, FIRST_COMPLETED)
        for future in done:
            future.result()
        if time.monotonic() - said >= QUIET or not waiting:
            said = time.monotonic()
            busy = [name for future, name in started.items() if future in waiting][:workers]
            now = f"; now {', '.join(busy)}" if busy else ""
            tell(f"{len(started) - len(waiting)} of {len(started)} pages{now}")


def _ends_at_once() -> None:
    """Let Ctrl-C, which all processes of a terminal get, end this one without a word."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
