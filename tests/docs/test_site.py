"""The site of the documentation: built without a warning, its links lead somewhere, nothing comes from elsewhere."""

import os
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from gradscribe import generated

ROOT = Path(__file__).parents[2]
GALLERY = "gallery/"
"""What `make docs` writes beside the page that leads to it."""


class Read(HTMLParser):
    """The links of a page, what it loads, and the places in it that have names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.names |= {given[name] for name in ("id", "name") if name in given}
        self.links += [given["href"]] if tag == "a" and "href" in given else []
        self.loaded += [given["href"]] if tag == "link" and given.get("rel") != "canonical" else []
        self.loaded += [given["src"]] if "src" in given else []


@cache
def read(page: Path) -> Read:
    return Read(page.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for needed in ("mkdocs", "material", "mkdocstrings_handlers.python"):
        pytest.importorskip(needed)
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    return folder


@pytest.mark.thorough
def test_its_links_lead_to_pages_and_places(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 100
    for page in pages:
        for link in read(page).links:
            name, _, place = unquote(link).partition("#")
            if name.startswith(("http:", "https:", GALLERY)) or page.name == "404.html":
                continue
            target = page.parent / name if name else page
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), (page.name, link)
            assert not place or place in read(target).names, (page.name, link)


@pytest.mark.thorough
def test_it_loads_nothing_from_elsewhere(site: Path) -> None:
    loaded = [(page.name, source) for page in site.rglob("*.html") for source in read(page).loaded]
    assert loaded
    assert not [found for found in loaded if "//" in found[1]]


@pytest.mark.thorough
def test_every_generated_name_has_its_place(site: Path) -> None:
    for module, names in generated._MODULES.items():
        if module != "runtime":
            places = read(site / "api" / "layers" / f"{module}.html").names
            assert {f"gradscribe.generated.{module}.{name}" for name in names} <= places
