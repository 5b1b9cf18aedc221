"""Pages in Chromium: formulas, folding, steps, links between formulas, code and numbers; by pointer and keyboard."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gradscribe.codegen.tool.finding.find import find_any, known
from gradscribe.codegen.tool.pages.html.html_page import page_of
from tests.cases.chromium import WIDER, WIDTHS, Watched, grave, launched
from tests.cases.thorough import some

pytestmark = pytest.mark.oracle
EVERY = [name for names in known().values() for name in names]
LIT, READ = "e => e.map(x => x.id || x.dataset.eq)", "e => e.map(x => x.dataset.cell)"


class Shown(Watched):
    """The page of something."""

    def __init__(self, page: Any, folder: Path) -> None:
        super().__init__(page)
        self.folder = folder

    def open(self, name: str) -> Any:
        path = self.folder / f"{name}.html"
        path.write_text(page_of(find_any(name)), encoding="utf-8")
        self.page.goto(path.as_uri())
        return self.page


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from launched()


@pytest.fixture
def shown(browser: Any, tmp_path: Path) -> Iterator[Shown]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=False)
    found = Shown(context.new_page(), tmp_path)
    yield found
    context.close()
    assert found.wrong == []


@pytest.mark.parametrize("name", some(EVERY, 6))
def test_every_formula_is_typeset_and_fits(shown: Shown, name: str) -> None:
    page = shown.open(name)
    assert page.locator(".tex").count() == page.locator(".tex:has(> .katex)").count() > 3
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(WIDER) <= 0


def test_a_formula_and_its_code_light_up_together(shown: Shown) -> None:
    page = shown.open("conv2d")
    page.click("text=NumPy")
    page.hover("#eq-7 .display")
    lit = page.eval_on_selector_all("main .lit", LIT)
    assert lit == ["eq-7"]
    assert set(page.eval_on_selector_all(".code.lit", LIT)) == {"7"}
    page.locator("#listing-1 .code[data-eq='13']").first.hover()
    assert page.eval_on_selector_all("main .lit", LIT) == ["eq-13"]
    page.hover("#eq-12 .display")  # a step of that gradient: its code is that of the box
    assert "13" in page.eval_on_selector_all(".code.lit", LIT)
    page.click("#eq-13 .display")
    assert page.locator("#listing-1 .code[data-eq='13']").first.is_visible()


def test_an_element_shows_what_it_is_made_of(shown: Shown) -> None:
    page = shown.open("conv2d")
    page.hover("[data-cell='dx:0,0,0,0']")
    assert page.eval_on_selector_all("#numbers .read", READ) == ["w:0,0,0,0", "dy:0,0,0,0"]
    page.locator("[data-cell='dx:0,0,0,0']").focus()
    for key in ("ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    assert page.eval_on_selector_all("#numbers .chosen", READ) == ["dx:0,1,1,0"]
    assert len(page.eval_on_selector_all("#numbers .read", READ)) == 8
    sum_ = "".join(page.inner_text(".made-of .katex-mathml").split())
    assert sum_.rpartition("=")[2] == page.inner_text("[data-cell='dx:0,1,1,0'] .katex-mathml").strip()


def test_what_is_no_sum_is_not_called_one(shown: Shown) -> None:
    page = shown.open("max_pool2d")
    page.hover("[data-cell='y:0,0,0,0']")
    assert page.inner_text(".made-of") == "made of 4 elements"


def test_long_sums_are_written_out(shown: Shown) -> None:
    page = shown.open("conv3d")
    page.hover("[data-cell^='dw:'] >> nth=0")
    read = page.locator("#numbers .read").count()
    assert read > 2 * 9  # of x and of the gradient that arrives
    assert page.inner_text(".made-of .katex-mathml").count("⋅") == read // 2


def test_a_picture_shows_what_a_result_reads(shown: Shown) -> None:
    page = shown.open("conv2d")
    page.click("#tab-pictures")
    first = page.locator(".drawn").first
    first.locator("[data-result='u:0,0,0,0']").hover()
    assert first.locator("[data-read^='x:'].read").count() == 9
    assert first.locator("[data-read^='x:'].read.outside").count() == 5  # a corner, padded by 1
    first.locator("[data-result='u:0,0,0,0']").focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    assert first.locator(".chosen").get_attribute("data-result") == "u:0,1,0,0"
    hue = "e => e.style.getPropertyValue('--hue')"
    assert first.locator("[data-read='x:0,1,0,0']").evaluate(hue) == first.locator("[data-read='w:0,1,0,0']").evaluate(
        hue
    )


def test_a_mask_and_a_sum_within_follow_the_pointer(shown: Shown) -> None:
    page = shown.open("scaled_dot_product_attention")
    page.click("#tab-pictures")
    largest = page.locator(".drawn:has([data-result='c:0,1'])").first
    assert page.locator("[data-result^='p:'].excluded").count() > 0
    largest.locator("[data-result='c:0,0']").hover()
    out = largest.locator("[data-read^='u:'].excluded").count()
    largest.locator("[data-result='c:0,0']").focus()
    page.keyboard.press("ArrowRight")
    assert largest.locator("[data-read^='u:'].excluded").count() == out - 1
    closed = page.locator(".drawn", has_text="Outlined:").first
    closed.locator("[data-result]").last.hover()
    assert closed.locator(".within").count() > 0
    assert closed.locator(".within").first.evaluate("e => getComputedStyle(e).stroke") != "none"
    hatched = page.locator("[data-result^='p:'].excluded").first.evaluate("e => getComputedStyle(e).fill")
    assert "hatch" in hatched


def test_a_box_of_a_network_leads_to_its_layer(shown: Shown) -> None:
    page = shown.open("lenet")
    page.click("#tab-pictures")
    box = page.locator(".graph a[href='#layer-s4']")
    box.hover()
    pointed = "e => e.map(x => x.querySelector('h2, h3')?.textContent).join()"
    assert page.eval_on_selector_all(".pointed", pointed).startswith("Layer s4")
    page.locator(".graph a[href='#layer-c3']").focus()
    page.mouse.move(0, 0)
    assert page.eval_on_selector_all(".pointed", pointed).startswith("Layer c3")
    page.keyboard.press("Enter")
    heading = page.locator("#layer-c3")
    heading.evaluate("e => new Promise(done => setTimeout(done, 100))")
    assert 0 <= heading.bounding_box()["y"] < 900


def test_steps_are_walked_through_and_folded(shown: Shown) -> None:
    page = shown.open("conv2d")
    steps = page.locator("main .step, main .box").count()
    page.keyboard.press("ArrowLeft")
    assert page.locator(".later").count() == 1
    assert page.locator(".now").count() == 1
    for _ in range(2):
        page.keyboard.press("ArrowLeft")
    assert page.locator(".later").count() == 3
    page.fill("#walk", "2")
    assert page.locator(".later").count() == steps - 2
    assert page.inner_text("#walked").startswith(f"2 of {steps}: definition of")
    page.fill("#walk", str(steps))
    assert page.locator(".later").count() == 0
    page.click("#fold")
    assert not page.locator("#eq-3").is_visible()
    page.click("#fold")
    assert page.locator("#eq-3").is_visible()


def test_forms_stand_beside_each_other_on_request(shown: Shown) -> None:
    page = shown.open("conv2d")
    operator, matrix, held = (page.locator(f"{what}") for what in (".operator", ".box .matrix", "section.matrix"))
    assert (operator.first.is_visible(), matrix.first.is_visible(), held.is_visible()) == (True, False, False)
    page.click("#side-by-side")
    assert matrix.first.is_visible()
    assert held.is_visible()
    boxes = [page.locator(f"#eq-7 {what}").bounding_box() for what in (".line:not(.form)", ".operator", ".matrix")]
    assert len({box["y"] for box in boxes}) == 1
    assert [box["x"] for box in boxes] == sorted(box["x"] for box in boxes)
    page.set_viewport_size({"width": 360, "height": 900})
    assert page.evaluate(WIDER) <= 0
    page.click("#side-by-side")
    assert not matrix.first.is_visible()
    page.click("#operator")
    assert not operator.first.is_visible()


def test_a_formula_is_copied_as_latex(shown: Shown) -> None:
    shown.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = shown.open("conv2d")
    page.hover("#eq-5")
    page.click("#eq-5 .copy")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(r"\frac{\partial E}{\partial x_{n',i',j',c'}} = \sum")
    assert "teal" not in copied
    assert "allowbreak" not in copied


def test_languages_are_chosen_by_keys(shown: Shown) -> None:
    page = shown.open("relu")
    page.locator("[role=tab][aria-selected=true]").focus()
    for title in ("Pictures", "NumPy"):
        page.keyboard.press("ArrowRight")
        assert page.inner_text("[role=tab][aria-selected=true]") == title
    page.keyboard.press("ArrowRight")
    assert page.locator("#listing-2").is_visible()
    page.click("#beside")
    assert not page.locator("#listing-2").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", some(["conv2d", "lenet", "lstm_cell", "max_pool2d", "adam"], 2))
def test_everybody_can_use_it(browser: Any, tmp_path: Path, name: str, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)  # axe is a script of its own
    found = grave(Shown(context.new_page(), tmp_path).open(name))
    context.close()
    assert found == []
