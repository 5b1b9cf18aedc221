"""The playground of a server in Chromium: what is typed is answered by this machine, what is too much is said."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gradscribe.codegen.tool.pages.site.site_folder import write_site
from tests.cases.chromium import Watched, launched
from tests.codegen.tool.cli.running import ROOT, START

pytestmark = pytest.mark.oracle
LONG = "y[n] = " + " + ".join(f"sin(x[n]*exp({k} + x[n]))/(1 + cos({k}*x[n]))" for k in range(2, 300))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from launched()


@pytest.fixture(scope="module")
def address(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("played") / "site"
    yield from served(folder, "en")


@pytest.fixture(scope="module")
def korean(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from served(tmp_path_factory.mktemp("korean") / "site", "ko")


def served(folder: Path, language: str) -> Iterator[str]:
    """The address of a server of a site in a language."""
    write_site(folder, {"index.html": "<p>start"}, language)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [*START, "serve", str(folder), "--port", "0", "--seconds", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[3].rstrip("/;")
        process.send_signal(signal.SIGINT)


def test_what_is_typed_is_answered_by_this_machine(browser: Any, address: str) -> None:
    context = browser.new_context()
    found = Watched(context.new_page(), (f"{address}/", "data:"))
    page = found.page
    page.goto(f"{address}/playground/#relu")
    page.wait_for_selector("#answer h1:has-text('relu')")
    page.fill("#text", "y[n,i] = sum(j) w[i,j]*sin(x[n,j]); weight w")
    page.wait_for_selector("#answer .box")
    assert page.locator("#answer .tex").count() == page.locator("#answer .tex:has(> .katex)").count() > 3
    page.fill("#text", "y[n,i] = sum(j) w[i,j")
    page.wait_for_selector("#wrong:has-text('found the end of the text')")
    page.fill("#text", LONG)
    page.wait_for_selector("#wrong:has-text('stopped after 3 s: the text is too much')")
    page.fill("#text", "conv2d")
    page.wait_for_selector("#answer h1:has-text('conv2d')")
    context.close()
    assert found.wrong == []


def test_the_playground_of_a_korean_site_is_korean(browser: Any, korean: str) -> None:
    context = browser.new_context()
    found = Watched(context.new_page(), (f"{korean}/", "data:"))
    page = found.page
    page.goto(f"{korean}/playground/#relu")
    page.wait_for_selector("#answer h1:has-text('relu: 정류 선형 유닛')")
    assert page.title() == "relu: 정류 선형 유닛 – gradscribe 플레이그라운드"
    page.fill("#text", "y[n,i] = sum(j) w[i,j")
    page.wait_for_selector("#wrong:has-text('1행 22열: found the end of the text')")
    assert page.get_attribute("#wrong span", "lang") == "en"
    context.close()
    assert found.wrong == []
