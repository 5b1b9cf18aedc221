"""Chromium, where it is installed, and what goes wrong in a page there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
WIDTHS = (360, 768, 1280, 1920)
WIDER = "document.documentElement.scrollWidth - innerWidth"


def launched() -> Iterator[Any]:
    """The browser, for a fixture."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip("no Chromium here: Debian's package chromium has it")
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield found
        found.close()


class Watched:
    """A page in the browser, and what went wrong there: words on the console, errors, requests that leave."""

    def __init__(self, page: Any, allowed: tuple[str, ...] = ("file://", "data:")) -> None:
        self.page, self.allowed, self.wrong = page, allowed, list[str]()
        page.on("console", lambda message: self.wrong.append(message.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", self._asked)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith(self.allowed):
            self.wrong.append(request.url)


def grave(page: Any) -> list[str]:
    """What axe finds in a page that is serious."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    found = axe.Axe().run(page).response["violations"]
    return [v["id"] for v in found if v["impact"] in ("serious", "critical")]
