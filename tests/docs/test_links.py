"""Links between pages lead to files and headings that exist; the site's contents hold every page."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "editors/README.md")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def links(page: Path) -> list[str]:
    found = LINK.findall(CODE.sub("", page.read_text(encoding="utf-8")))
    return [link for link in found if not re.match(r"https?:", link)]


def anchors(page: Path) -> set[str]:
    """What hosts of Markdown call the headings of a page."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


def test_there_are_links_with_and_without_headings() -> None:
    found = [link for page in PAGES for link in links(page)]
    assert len(found) > 100
    assert sum("#" in link for link in found) > 20


def test_the_contents_of_the_site_hold_every_page() -> None:
    listed = re.findall(
        r"^ +- (?:[^:\n]+: )?([\w/]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE
    )
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    elsewhere = {"CONTRIBUTING.md", "CHANGELOG.md", "editors/README.md", "api/layers/index.md"}
    assert sorted(listed) == sorted(pages | elsewhere)


def test_the_gallery_leads_to_what_make_writes() -> None:
    (made,) = re.findall(r"^GALLERY := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    assert re.findall(r"^- `(\w+)`", page, re.MULTILINE) == made.split()
