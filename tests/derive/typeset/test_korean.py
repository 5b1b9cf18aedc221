"""Pages in Korean: nothing English is left on them but names, the mathematics is the same, LaTeX has a font."""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import gradscribe
from gradscribe.codegen.tool.cli.printing import printed_pages, printed_winograd
from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.catalogue.optimisers import OPTIMISERS
from gradscribe.derive.catalogue.pages import PAGES
from gradscribe.derive.catalogue.pages.chapter import TITLE, TOPICS, Fast
from gradscribe.derive.composition import Network
from gradscribe.derive.derivation import Derivation, derive
from gradscribe.derive.derivation.record.translation import in_language
from gradscribe.derive.ir.error import EquationError
from gradscribe.derive.typeset.document.look import Look
from gradscribe.derive.typeset.formats import FORMATS, rendered, rendered_chapter
from gradscribe.derive.typeset.mathematics.latex_letters import prose
from gradscribe.derive.typeset.writers.latex import latex_writer
from gradscribe.derive.typeset.writers.text.text_lines import columns
from tests.cases.thorough import some
from tests.cases.together import together
from tests.derive.typeset import pages

KO = "ko"
NAMES = {
    "NaN", "im2col", "col2im", "float32", "float64", "Lp", "LeNet", "VGG", "GPT", "LaTeX", "tanh", "argmax",
    "RoIAlign", "LSTM", "GRU", "Mamba", "CTC", "CRF", "Net",
    "Schwartz", "Zippel", "Toom", "Cook", "Winograd", "id",
}  # fmt: skip
"""What stands in Korean sentences in Latin letters: names of people and programs, numbers of a computer."""
DISPLAY, INLINE = re.compile(r"\$\$.*?\$\$", re.DOTALL), re.compile(r"\$[^$]*\$")
TAG = re.compile(r"<br>|<a id=.*?></a>|\]\(#.*?\)")
TEXT = re.compile(r"\\text\{((?:[^{}]|\{[^{}]*\})*)\}")
WORD = re.compile(r"(?<![\\\w])[A-Za-z]\w*[A-Za-z0-9]", re.ASCII)


def read(markdown: str) -> str:
    """What a reader reads of a page: all but mathematics and sources."""
    within = (found[1] for display in DISPLAY.findall(markdown) for found in TEXT.finditer(display))
    around = TAG.sub(" ", INLINE.sub(" ", DISPLAY.sub(" ", markdown))).replace("\\_", "_")
    return "\n".join([*within, *(line for line in around.splitlines() if not line.startswith("출처: "))])


def foreign(text: str) -> set[str]:
    """The words in Latin letters that are no names; layers have their own, and options of code have an underscore."""
    words = {word for word in WORD.findall(text) if not re.fullmatch(r"[A-Za-z]\d", word)}
    return {word for word in words if word not in NAMES and "_" not in word and word not in LAYERS}


def english_left(page: Derivation) -> set[str]:
    """The English on a page but for names: its own, and those that a network's text has for layers."""
    nodes = page.layer.nodes if isinstance(page.layer, Network) else ()
    own = {part for node in nodes for part in re.split(r"\W", f"{node.name} {node.layer.name}")} | {page.name}
    return foreign(read(rendered(page, "markdown", pages.FOOT))) - own


@together("name", some(LAYERS, 12))
def test_no_page_of_a_layer_has_english_left(name: str) -> None:
    """With all that may be asked for, with every row, and of order 2."""
    layer = LAYERS[name]()
    for page in (
        derive(layer, form="all", example=True, implementation=True, language=KO),
        derive(layer, full=True, language=KO),
        derive(layer, order=2, language=KO),
    ):
        assert not english_left(page), name


@pytest.mark.parametrize("name", some([*NETWORKS, *pages.CHAINS], 3))
def test_no_page_of_a_network_has_english_left(name: str) -> None:
    for full in (False, *([True] if name in pages.CHAINS else [])):
        page = derive(find(name), implementation=True, full=full, language=KO)
        assert not english_left(page), name


def test_no_other_page_has_english_left() -> None:
    for optimiser in OPTIMISERS.values():
        assert not english_left(derive(optimiser().layer, language=KO))
        assert not english_left(derive(LAYERS["dense"](), optimiser=optimiser(), language=KO))
    assert not english_left(in_language(PAGES["convolution"](), KO))
    assert not foreign(read(printed_winograd(Fast(2, 3, dims=1), "markdown", language=KO)))
    split = LAYERS["max_pool2d"]().with_ties("split")
    assert not english_left(derive(split, implementation=True, language=KO))


@pytest.mark.thorough
def test_the_chapter_has_no_english_left() -> None:
    text = read(printed_pages(TITLE, TOPICS, "", "markdown", language=KO))
    assert "합성곱을 지나는 역전파" in text
    assert foreign(text) <= {"network", "convolution"}  # what two of its pages are called


def test_an_english_word_would_be_found() -> None:
    page = rendered(derive(LAYERS["dense"](), language=KO), "markdown")
    assert foreign(read(page + "\nAn access outside $x$ reads 0.\n")) == {"An", "access", "outside", "reads"}
    assert foreign(read(page.replace("연쇄 법칙", "chain rule"))) == {"chain", "rule"}


@pytest.mark.parametrize("name", ["conv2d", "softmax"])
def test_mathematics_and_numbers_are_the_same_in_every_language(name: str) -> None:
    english, other = (rendered(derive(LAYERS[name](), language=lang), "markdown") for lang in ("en", KO))
    for mathematics in (r" \((\d+)\)", r"\\boxed\{.*"):
        assert re.findall(mathematics, english) == re.findall(mathematics, other)


def test_lines_of_text_fit_and_columns_stand_below_each_other() -> None:
    for name, width in (("conv2d", 100), ("batch_norm", 80)):
        text = rendered(derive(LAYERS[name](), language=KO), "text", look=Look(width=width))
        assert max(columns(line) for line in text.splitlines()) <= width
    table = rendered(derive(NETWORKS["lenet5"](), language=KO), "text").splitlines()
    head = next(n for n, line in enumerate(table) if line.startswith("  층 "))
    assert columns(table[head]) == columns(table[head + 1])
    assert "매개변수" in table[head]


def test_titles_and_names_of_strangers_stay_as_they_are() -> None:
    text = "# softmax over the last axis\ny[n,i] = momentum * x[n,i] * w[i]; weight w\nmomentum = 0.5"
    layer = gradscribe.layer(text, "update")
    shown = str(layer.derivation(language=KO))
    assert shown.startswith("update: softmax over the last axis\n")
    assert "momentum" in shown
    assert "모멘텀" not in shown
    catalogued = str(derive(LAYERS["softmax"](), language=KO))
    assert catalogued.startswith("softmax: 마지막 축에 대한 소프트맥스\n")


def test_a_derivation_shows_itself_in_its_language() -> None:
    page = gradscribe.layer("y[n,k] = sum(c) x[n,c] * w[c,k]; weight w", "mine").derivation(language=KO)
    assert "x에 대한 기울기" in str(page)
    shown = page._repr_mimebundle_()
    assert all("연쇄 법칙" in shown[form.mime] for form in FORMATS.values())
    assert "chain rule" in str(replace(page, language="en"))


@pytest.mark.parametrize("language", ["kr", "", "KO", "../ko", "ko/LC_MESSAGES"])
def test_an_unknown_language_names_those_there_are(language: str) -> None:
    with pytest.raises(EquationError, match=r"unknown language .*; expected one of en, ko"):
        derive(LAYERS["relu"](), language=language)


@pytest.mark.parametrize(("name", "form", "suffix"), [("conv2d", "text", "txt"), ("max_pool2d", "markdown", "md")])
def test_pages_are_the_golden_files(name: str, form: str, suffix: str, golden: Callable[[str, str], None]) -> None:
    page = derive(LAYERS[name](), example=name == "max_pool2d", implementation=True, language=KO)
    golden(f"{name}_korean.{suffix}", rendered(page, form, pages.FOOT))


# ----- LaTeX ----------------------------------------------------------------------------------------------------------
def test_documents_ask_for_a_korean_font_and_english_ones_do_not() -> None:
    page = derive(LAYERS["dense"](), language=KO)
    head, _, body = rendered(page, "latex").partition(r"\begin{document}")
    assert r"\usepackage[hangul]{kotex}" in head.splitlines()
    assert r"\section*{dense: 밀집(완전 연결) 층}" in body
    assert "{연쇄 법칙}" in body
    assert r"\texttt{U+" not in body
    assert r"%   \usepackage[hangul]{kotex}" in rendered(page, "latex", look=Look(fragment=True)).splitlines()
    assert "kotex" not in rendered(derive(LAYERS["dense"]()), "latex")


def test_letters_that_no_font_is_asked_for_stay_numbers() -> None:
    assert prose("합성곱") == r"\texttt{U+D569}\texttt{U+C131}\texttt{U+ACF1}"
    assert prose("합성곱 π 😀 é", wide=True) == r"합성곱 $\pi$ \texttt{U+1F600} \'{e}"
    layer = gradscribe.layer("# 층\ny[n] = x[n]", "own")
    assert r"\texttt{U+CE35}" in rendered(layer.derivation(), "latex")
    assert r"\section*{own: 층}" in rendered(layer.derivation(language=KO), "latex")


@pytest.mark.oracle
@pytest.mark.parametrize("engine", ["pdflatex", "xelatex", "lualatex"])
def test_documents_compile(engine: str, tmp_path: Path) -> None:
    if shutil.which(engine) is None:
        pytest.skip(f"{engine} is not installed")
    if not subprocess.run(["kpsewhich", "kotex.sty"], capture_output=True, check=False).stdout:
        pytest.skip("kotex is not installed")
    named = [derive(LAYERS[name](), language=KO) for name in ("conv2d", "max_pool2d")]
    whole = rendered_chapter(TITLE, [(page, pages.FOOT) for page in named], "latex")
    (tmp_path / "page.tex").write_text(whole, encoding="utf-8")
    command = [engine, "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=600)
    log = (tmp_path / "page.log").read_text(encoding="utf-8", errors="replace")
    assert run.returncode == 0, log[-2000:]
    assert "Missing character" not in log
    assert latex_writer.preamble(KO) in whole
