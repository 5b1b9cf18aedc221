"""A site in Chromium: the search by keyboard, formulas and links from files, four widths, light and dark."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gradscribe.codegen.tool.pages.site.build import site
from gradscribe.codegen.tool.pages.site.contents import chosen
from gradscribe.codegen.tool.pages.site.site_folder import write_site
from tests.cases.chromium import WIDER, WIDTHS, Watched, grave, launched

pytestmark = pytest.mark.oracle
SOME = ["relu", "conv2d", "max_pool2d", "sgd", "convolution"]
PAGES = [
    *("index.html", "layers/conv2d.html", "sources/conv2d.html", "docs/language.html"),
    *("docs/benchmarks.html", "tests/product-layers-test_windows.html", "topics/convolution.html"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from launched()


@pytest.fixture(scope="module")
def folder(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("built") / "site"
    write_site(found, site(chosen(SOME), lambda words: None, workers=2))
    return found


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    found = Watched(context.new_page())
    yield found.page
    context.close()
    assert found.wrong == []


def focused(page: Any) -> str:
    text: str = page.evaluate("document.activeElement.id || document.activeElement.textContent")
    return text


def test_the_search_is_used_by_keys(page: Any, folder: Path) -> None:
    page.goto((folder / "index.html").as_uri())
    page.keyboard.press("/")
    assert focused(page) == "query"
    page.keyboard.type("max pool")
    assert page.inner_text("#found li:first-child a") == "max_pool2d"
    assert page.inner_text("#count").endswith("found")
    page.keyboard.press("ArrowDown")
    assert focused(page) == "max_pool2d"
    page.keyboard.press("ArrowUp")
    assert focused(page) == "query"
    page.keyboard.press("Enter")
    page.wait_for_url("**/layers/max_pool2d.html")
    assert page.locator(".tex").count() == page.locator(".tex:has(> .katex)").count() > 3


@pytest.mark.parametrize(("words", "first"), [("reductions", "Reductions"), ("sgd", "sgd"), ("qqq", ""), ("<b>", "")])
def test_the_search_finds_what_there_is(page: Any, folder: Path, words: str, first: str) -> None:
    page.goto((folder / "index.html").as_uri())
    page.fill("#query", words)
    found = page.locator("#found a")
    assert (found.first.inner_text() if found.count() else "") == first
    assert first or page.inner_text("#count") == "nothing found"


def test_a_derivation_leads_to_its_equation_and_back(page: Any, folder: Path) -> None:
    page.goto((folder / "layers/conv2d.html").as_uri())
    page.click("nav.site >> text=Equation")
    page.wait_for_url("**/sources/conv2d.html#conv2d.eq")
    assert page.locator("pre .nv").first.is_visible()
    page.click("nav.site >> text=conv2d")
    page.wait_for_url("**/layers/conv2d.html")
    page.click("nav.site >> text=Convolutions")
    page.wait_for_url("**/index.html#convolutions")


@pytest.mark.parametrize("path", PAGES)
def test_pages_fit(page: Any, folder: Path, path: str) -> None:
    page.goto((folder / path).as_uri())
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(WIDER) <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES[:4])
def test_everybody_can_use_it(browser: Any, folder: Path, path: str, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme, bypass_csp=True, viewport={"width": 768, "height": 900})
    page = context.new_page()
    page.goto((folder / path).as_uri())
    if path == "index.html":
        page.fill("#query", "pool")
    found = grave(page)
    context.close()
    assert found == []
