"""The playground in Chromium, with Python in the browser: what it answers is what this Python answers."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gradscribe.codegen.tool.pages.playground.playground import playground_files
from gradscribe.codegen.tool.pages.site.play_pages import own_bundle
from tests.cases.chromium import WIDER, WIDTHS, Watched, grave, launched
from tests.cases.thorough import some
from tests.codegen.tool.cli.running import ROOT, run
from tests.codegen.tool.pages.playground.own_texts import OWN

pytestmark = pytest.mark.oracle
TEX = "e => e.map(x => x.dataset.tex)"
COLD, STOPPED = 120_000, 3
"""Milliseconds that a busy machine may take to start; seconds after which a text is stopped."""
LONG = "y[n] = " + " + ".join(f"sin(x[n]*exp({k} + x[n]))/(1 + cos({k}*x[n]))" for k in range(2, 300))
SAID = """
import json, sys
from gradscribe.codegen.tool.pages.html import html_page
from gradscribe.codegen.tool.pages.playground.answer import answer
html_page.certificate_of = lambda derivation: None  # what is measured takes NumPy
print(json.dumps([answer(text)["html"] for text in json.load(sys.stdin)]))
"""


SHOWN = """html => {
  const shown = html ? new DOMParser().parseFromString(html, "text/html").body : document.getElementById("answer");
  const all = (what, of) => [...shown.querySelectorAll(what)].map(of);
  return {
    formulas: all(".tex:not(.made-of .tex)", (e) => e.dataset.tex ?? e.textContent),
    code: all(".code", (e) => e.textContent),
    cells: all("[data-cell]", (e) => e.dataset.cell),
    results: all("[data-result]", (e) => e.dataset.result),
    data: all("script", (e) => e.textContent),
  };
}"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from launched()


def served(folder: Path, seconds: float) -> Iterator[str]:
    """The address of a playground; the server is one of files only."""
    bundle = own_bundle()
    if bundle is None:
        pytest.skip("no Python for browsers here: `make pyodide` gets it")
    for name, data in playground_files(bundle, seconds=seconds).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def address(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from served(tmp_path_factory.mktemp("played"), 120)


@pytest.fixture(scope="module")
def hasty(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from served(tmp_path_factory.mktemp("hasty"), STOPPED)


@pytest.fixture(scope="module")
def warm(browser: Any, address: str) -> Iterator[Watched]:
    """One page for all that do not need their own: Python takes a while to start."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    found = Watched(context.new_page(), (address, "data:"))
    found.page.set_default_timeout(COLD)
    found.page.goto(address)
    found.page.wait_for_selector("#answer[aria-busy=false] h1")
    yield found
    context.close()
    assert found.wrong == []


def typed(page: Any, text: str) -> None:
    """Type a text, and wait until it is answered."""
    page.evaluate("document.getElementById('answer').replaceChildren()")
    page.fill("#text", text)
    page.wait_for_selector("#answer[aria-busy=false] h1, #wrong:not(:empty)")


def test_own_equations_are_answered_as_by_this_python(warm: Watched) -> None:
    texts = some(OWN, 5)
    command = [sys.executable, "-c", SAID]
    done = subprocess.run(command, input=json.dumps(texts), cwd=ROOT, capture_output=True, text=True, check=True)
    for text, html in zip(texts, json.loads(done.stdout), strict=True):
        typed(warm.page, text)
        found, expected = warm.page.evaluate(SHOWN, None), warm.page.evaluate(SHOWN, html)
        assert found == expected, text
        assert len(found["formulas"]) > 5
        assert found["code"]


def test_boxes_are_those_of_the_command_line(warm: Watched) -> None:
    for text in some(OWN, 4, 1):
        typed(warm.page, text)
        boxes = warm.page.eval_on_selector_all("#answer .box > .line:first-child .display", TEX)
        assert boxes
        told = run("derive", text, "--format", "latex")
        assert told.code == 0
        document = bare(told.out)
        assert [box for box in boxes if bare(box) not in document] == [], text


def bare(latex: str) -> str:
    """LaTeX without what breaks and aligns lines."""
    return re.sub(r"\\\\|\\allowbreak|\\quad|[\s&]", "", latex)


def test_a_mistake_is_underlined_while_typing(warm: Watched) -> None:
    page = warm.page
    page.fill("#text", "y[n] = sum(k) x[n,k]\nz[n] = fooo(y[n])")
    page.wait_for_selector(".marks mark")
    assert page.inner_text(".marks mark") == "fooo(y[n])"
    assert page.inner_text("#wrong").startswith("Line 2, column 8: unknown function fooo; expected one of abs,")
    assert page.get_attribute("#text", "aria-invalid") == "true"
    mark, text = page.locator(".marks mark").bounding_box(), page.locator("#text").bounding_box()
    assert text["y"] + 25 < mark["y"] < text["y"] + 60  # in the second line
    page.fill("#text", "y[n] = sum(k) x[n,k]\nz[n] = exp(y[n])")
    page.wait_for_selector("#answer[aria-busy=false] .box")
    assert page.inner_text("#wrong") == ""
    assert page.locator(".marks mark").count() == 0
    assert page.get_attribute("#text", "aria-invalid") == "false"


def test_places_count_characters_not_halves_of_them(warm: Watched) -> None:
    page = warm.page
    page.fill("#text", "y[n] = x[n]  # \U0001d465\nz[n] = y[n] + \U0001d465\U0001d466[n] * foo(y[n])")
    page.wait_for_selector("#wrong:not(:empty)")
    assert page.locator(".marks").inner_text().replace("\xa0", " ") == page.input_value("#text")


def test_the_tab_that_was_chosen_stays_and_all_is_alive(warm: Watched) -> None:
    page = warm.page
    typed(page, "u[n,i] = sum(r) w[r]*x[n, 2*i + r]; weight w")
    page.click("role=tab[name='PyTorch']")
    page.fill("#text", "u[n,i] = sum(r) v[r]*x[n, 3*i + r]; weight v")
    page.wait_for_selector("summary:has-text('layer_grad_v')", state="attached")
    assert page.get_attribute("role=tab[name='PyTorch']", "aria-selected") == "true"
    assert "class LayerFunction(torch.autograd.Function):" in page.inner_text("#listing-3")
    page.click("role=tab[name='Pictures']")
    page.locator(".drawn").first.locator("[data-result]").nth(1).hover()
    assert page.locator(".drawn .read").count() > 0
    page.focus("#text")
    page.keyboard.press("Control+Enter")
    assert page.evaluate("document.activeElement.id") == "answer"
    page.keyboard.press("ArrowLeft")
    assert re.match(r"\d+ of \d+: ", page.inner_text("#walked"))


def test_a_link_holds_the_text(warm: Watched) -> None:
    page, text = warm.page, "y[n] = exp(x[n])/2 # 100 % \u00fc"
    typed(page, text)
    assert page.url.endswith("#" + quote(text, safe="!'()*-._~"))
    page.evaluate("text => { location.hash = encodeURIComponent(text); }", "relu")
    page.wait_for_selector("#answer[aria-busy=false] h1:has-text('relu')")
    assert page.input_value("#text") == "relu"
    page.evaluate("location.hash = '%E0%A4%A'")  # no UTF-8
    assert page.input_value("#text") == "relu"


def test_a_page_opens_with_the_text_of_its_link(browser: Any, address: str) -> None:
    context = browser.new_context()
    found = Watched(context.new_page(), (address, "data:"))
    found.page.goto(f"{address}#{quote('y[n] = tanh(x[n])')}")
    assert found.page.input_value("#text") == "y[n] = tanh(x[n])"
    found.page.wait_for_selector("#answer[aria-busy=false] .box", timeout=COLD)
    context.close()
    assert found.wrong == []


def test_examples_are_taken(warm: Watched) -> None:
    warm.page.select_option("#examples", label="A network")
    warm.page.wait_for_selector("#answer[aria-busy=false] h1:has-text('network')")
    assert warm.page.input_value("#text") == "conv2d -> tanh -> conv2d"


def test_it_fits_and_axe_finds_nothing_grave(warm: Watched) -> None:
    page = warm.page
    typed(page, OWN[0])
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(WIDER) <= 0
        assert grave(page) == []
    page.emulate_media(color_scheme=None)
    page.set_viewport_size({"width": 1280, "height": 900})


@contextmanager
def hostile(browser: Any, address: str) -> Iterator[Any]:
    """A page that works on a text which takes too long; nothing else goes wrong there."""
    context = browser.new_context()
    found = Watched(context.new_page(), (address, "data:"))
    found.page.set_default_timeout(COLD)
    found.page.goto(f"{address}#relu")
    found.page.wait_for_selector("#answer[aria-busy=false] h1:has-text('relu')")
    found.page.fill("#text", LONG)
    yield found.page
    context.close()
    assert found.wrong == []


def test_a_text_that_is_too_much_is_stopped_and_the_next_one_answered(browser: Any, hasty: str) -> None:
    with hostile(browser, hasty) as page:
        page.wait_for_selector(f"#wrong:has-text('Stopped after {STOPPED} s: the text is too much')")
        page.fill("#text", "y[i] = x[i]")
        page.wait_for_selector("#answer[aria-busy=false] h1:has-text('layer')")
        assert page.inner_text("#wrong") == ""


def test_what_is_no_longer_there_is_given_up(browser: Any, address: str) -> None:
    """Long before it would be stopped, which takes 120 s here."""
    with hostile(browser, address) as page:
        page.wait_for_selector("#state:has-text('Deriving')")
        page.fill("#text", "y[i] = x[i]")
        page.wait_for_selector("#answer[aria-busy=false] h1:has-text('layer')", timeout=60_000)
        assert page.inner_text("#wrong") == ""


def test_what_cannot_be_loaded_is_said(browser: Any, address: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.route("**/engine.zip", lambda route: route.fulfill(status=404, body="gone"))
    page.goto(address)
    page.wait_for_selector("#wrong:has-text('Python could not be loaded: engine.zip: 404')", timeout=COLD)
    context.close()
