"""Pages as files: closed in themselves, linked, the same whenever they are made, and nothing of others in them."""

import html
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from gradscribe.codegen.tool.finding.find import find_any, known
from gradscribe.codegen.tool.pages.html import katex
from gradscribe.codegen.tool.pages.html.html_page import page_of
from gradscribe.facade import layer
from tests.cases.hash_seeds import printed_alike
from tests.cases.thorough import some
from tests.codegen.tool.pages.html.reading import Read
from tests.derive.typeset.test_korean import foreign

ROOT = Path(__file__).parents[4]
EVERY = [name for names in known().values() for name in names]
LARGEST = 3 << 20
SCRIPT = "</script><script>alert('mine')</script><img src=x onerror=alert(1)>"


@pytest.mark.parametrize("name", some(EVERY, 6))
def test_a_page_is_closed_in_itself(name: str) -> None:
    text = page_of(find_any(name))
    read = Read(text)
    ids = read.of("id")
    assert len(ids) == len(set(ids))
    assert not [link for link in read.of("href") if not link.startswith("#") or link[1:] not in ids]
    assert not read.of("src")
    assert not re.search(r"url\((?!data:font/woff2;base64,|#hatch\))|@import", text.partition("<script>")[0])
    assert "default-src 'none'" in " ".join(read.of("content"))
    assert len(text) < LARGEST


@pytest.mark.parametrize("name", some(EVERY, 8))
def test_every_number_of_code_is_one_of_the_derivation(name: str) -> None:
    read = Read(page_of(find_any(name)))
    coded = {number for numbers in read.of("data-eq") for number in numbers.split()}
    assert coded
    assert {f"eq-{number}" for number in coded} <= set(read.of("id"))


@pytest.mark.parametrize("name", some(list(known()["layer"]), 8))
def test_lines_say_the_equations_that_their_comments_do(name: str) -> None:
    """A line between a comment (7) and the next comment or empty line is lit by (7)."""
    text = page_of(find_any(name))
    lines = re.findall(r'<span class="code"(?: data-eq="([\d ]+)")?>(.*)\n', text)
    said = [(numbers, comment[1]) for numbers, line in lines if (comment := re.match(r"\s*(?:#|/\*) \((\d+)\) ", line))]
    assert said
    assert all(number in numbers.split() for numbers, number in said)


@pytest.mark.parametrize("name", some(EVERY, 6))
def test_what_computes_nothing_is_of_no_equation(name: str) -> None:
    text = page_of(find_any(name))
    others = re.findall(r'<span class="code"( data-eq="[\d ]+")?>(?:def |int \w+\(|    return [\w, ]+;?\n)', text)
    assert others
    assert not any(others)


def test_a_page_in_korean() -> None:
    """Beside the code, which says what it says to programmers, nothing English is left; the script has its words."""
    text = page_of(find_any("conv2d"), "ko")
    read = Read(text)
    assert read.of("lang") == ["ko"]
    assert "<title>conv2d: 2차원 합성곱 (학습된 커널과의 상관)</title>" in text
    assert {"코드와 수", "유도 옆에 있는 것"} <= set(read.of("aria-label"))
    body = text.partition("<body>")[2]
    shown = re.sub(r"<script.*?</script>|<pre.*?</pre>|<summary>\w+</summary>", " ", body, flags=re.DOTALL)
    shown = re.sub(r'<span class="tex.*?</span>|<p class="source">.*?</p>|<title>|<[^>]+>', " ", shown, flags=re.DOTALL)
    assert not foreign(html.unescape(shown)) - {"conv2d", "NumPy", "C", "PyTorch", "torch", "autograd"}
    (words,) = re.findall(r'<script type="application/json" id="words">(.*?)</script>', text)
    english = json.loads(re.findall(r'id="words">(.*?)</script>', page_of(find_any("conv2d")))[0])
    assert json.loads(words).keys() == english.keys()
    assert not foreign(re.sub(r"\{\w+\}", "", " ".join(json.loads(words).values())))
    script = text.rpartition("<script>")[2]
    assert set(re.findall(r'say\("(\w+)"', script)) == english.keys()


def test_a_network_in_korean_says_why_it_has_no_c() -> None:
    assert "C: 층만 이것으로 쓰이며, 이 페이지는 신경망이다." in page_of(find_any("conv2d -> relu"), "ko")


def test_what_others_have_written_is_words() -> None:
    mine = layer("y[n,k] = sum(j) x[n,j]*w[j,k]; weight w", "mine")
    text = page_of(replace(mine, title=SCRIPT, source=SCRIPT))
    read = Read(text)
    assert not read.of("onerror")
    assert not [tag for tag, _ in read.elements if tag == "img"]
    assert text.count("&lt;img src=x onerror=alert(1)&gt;") >= 2
    plain = Read(page_of(layer("y[n,k] = sum(j) x[n,j]*w[j,k]; weight w", "mine")))
    assert [tag for tag, _ in read.elements].count("script") == [tag for tag, _ in plain.elements].count("script")


def test_data_ends_no_script() -> None:
    text = page_of(find_any("conv2d"))
    (data,) = re.findall(r'<script type="application/json" id="elements">(.*?)</script>', text, re.DOTALL)
    assert "<" not in data
    assert len(json.loads(data)) == 9 + 16 + 4 + 1  # u, dx, dw, db


def test_fonts_that_are_there_are_within() -> None:
    style = katex.style()
    fonts = sorted(path.name for path in (katex.folder() / "fonts").iterdir())
    assert style.count("@font-face") == style.count("data:font/woff2;base64,") == len(fonts) >= 8
    assert "url(fonts" not in style


def test_pages_are_the_same_whenever_they_are_made() -> None:
    code = "import hashlib; from gradscribe.codegen.tool.pages.html.html_page import page_of; "
    code += "from gradscribe.codegen.tool.finding.find import find_any; "
    code += "print(hashlib.sha256(page_of(find_any('batch_norm')).encode()).hexdigest())"
    assert printed_alike(code)


@pytest.mark.parametrize("name", ["lenet5", "lenet", "bottleneck", "conv2d -> tanh -> conv2d"])
def test_a_network_begins_with_its_graph(name: str) -> None:
    """Each level is a box that leads to the heading below which its gradients are derived, its own where it has one."""
    text = page_of(find_any(name))
    ids = Read(text).of("id")
    (graph,) = re.findall(r'<figure class="graph">.*?</figure>', text, re.DOTALL)
    boxes = dict(re.findall(r'<a class="box" href="#([^"]+)">\s*<rect data-box="([^"]+)"', graph)).items()
    assert boxes
    assert text.index('id="pictures"') < text.index('class="graph"')
    assert {chapter for chapter, _ in boxes} <= set(ids)
    named = {i.removeprefix("layer-") for i in ids if i.startswith("layer-")}
    assert {box for chapter, box in boxes if box in named} == {chapter.removeprefix("layer-") for chapter, _ in boxes}
