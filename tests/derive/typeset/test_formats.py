"""Every page: the same headings and numbers in every format, no letter with two meanings, all sizes introduced."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gradscribe.codegen.tool.cli import main
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.derivation import Section
from gradscribe.derive.derivation.network.kinds.likeness import row
from gradscribe.derive.derivation.network.kinds.once import is_box
from gradscribe.derive.typeset.document.look import WIDTH
from gradscribe.derive.typeset.formats import FORMATS, Format
from tests.cases.catalogue import derived
from tests.cases.thorough import some
from tests.cases.together import hold
from tests.derive.typeset import outline, pages
from tests.derive.typeset.page_letters import clashes, unintroduced
from tests.derive.typeset.test_latex import label, overfull

HEADING = {
    "text": re.compile(r"(?:\A|─{40}\n\n)(?P<title>(?:.+\n)+)|^(?P<other>\S.*)\n[─═]{3,}$", re.MULTILINE),
    "latex": re.compile(r"^\\(?:sub)?section\*\{(.*)\}$|^\\medskip\\textbf\{(.*)\.\}$", re.MULTILINE),
    "markdown": re.compile(r"^#+ (.*)$", re.MULTILINE),
}
NUMBER = {
    "text": re.compile(r"^  .{90,} \((\d+)\)$", re.MULTILINE),
    "latex": re.compile(r"^.*\\tag\{(\d+)\}(?:\\\\(?:\[4pt\])?)?$", re.MULTILINE),
    "markdown": re.compile(r" (?:&&|\\qquad) \((\d+)\)(?: \\\\)?$", re.MULTILINE),
}


def found(page: str, form: str) -> list[str]:
    """Headings and numbers in the order in which they stand on the page."""
    matches = [m for patterns in (HEADING, NUMBER) for m in patterns[form].finditer(page)]
    words = (next(filter(None, m.groups())) for m in sorted(matches, key=lambda m: m.start()))
    return [" ".join(heading.split()) for heading in words]  # a title may take several lines


def plain(heading: str) -> str:
    """Numbers, and the words of a heading between its mathematics."""
    return " ".join(re.findall("[a-z]{2,}|^[0-9]+$", re.sub(r"\$.*?\$|\\", " ", heading.lower())))


def within(words: str, heading: str) -> bool:
    """Whether all words occur in this order; between them there may be mathematics, written in letters."""
    rest: Iterator[str] = iter(plain(heading).split())
    return all(word in rest for word in words.split())


def rows_and_boxes(section: Section, network: bool) -> int:
    """How many numbers a gradient has; where its rows stand above, only those of its boxes: the closed form if any."""
    if section.like:
        return sum(r.closed for r in section.results) or len(section.results)
    if is_box(section):
        return sum(len(result.rows) for result in section.results)
    last, first = section.steps[-1], section.results[0].step
    clause = bool(section.results[0].lead) and len(section.steps) > 1
    once = clause or (network and section.closed is not None)
    repeated = once and row(last.left, last.terms) == row(first.left, first.terms)
    rows = sum(len(part.steps) for part in section.parts) + sum(len(result.rows) for result in section.results)
    return rows - repeated


def headings_and_numbers_are_the_same_in_every_format(name: str) -> None:
    page = pages.derivation(name)
    assert not clashes(page)
    assert not unintroduced(page)
    expected = outline.render(page).splitlines()
    numbers = [line for line in expected if line.isdigit()]
    updates = len(page.update.equations) if page.update is not None else 0
    count = len(page.equations) + updates
    count += sum(rows_and_boxes(section, page.table is not None) for section in page.printed_sections)
    assert numbers == [str(n + 1) for n in range(count)]
    assert found(pages.text(name, "text"), "text") == expected
    latex, markdown = ([plain(line) for line in found(pages.text(name, f), f)] for f in ("latex", "markdown"))
    assert latex == markdown
    assert len(latex) == len(expected)
    assert all(within(words, line) for words, line in zip(latex, expected, strict=True))
    assert [line for line in latex if line.isdigit()] == numbers


def markdown_uses_no_macro_of_its_own(name: str) -> None:
    rendered = pages.text(name, "markdown")
    assert "\\new" not in rendered
    assert "alignat" not in rendered
    assert rendered.count("$$") % 2 == 0
    assert rendered.count(r"\begin{aligned}") == rendered.count(r"\end{aligned}")


def lines_of_text_fit_a_terminal(name: str) -> None:
    assert not [line for line in pages.text(name, "text").splitlines() if len(line) > WIDTH]


def rows_name_the_same_element_until_the_end(name: str) -> None:
    for section in pages.derivation(name).sections:
        assert len({s.left for s in section.steps}) == 1
        assert all(tuple(r.index for r in t.free) == s.left.indices for s in section.steps for t in s.terms)


EVERY = [headings_and_numbers_are_the_same_in_every_format]
MOST = {"FIRST": 8, "SECOND": 2, "OF_NETWORKS": 2, "CORRELATIONS": 1}
"""Pages of a group, at most, but for a thorough run."""
OF_A_LAYER = [lines_of_text_fit_a_terminal, rows_name_the_same_element_until_the_end]


@pytest.mark.parametrize("group", MOST)
def test_pages(group: str, golden: Callable[[str, str], None], tmp_path: Path) -> None:
    """All claims, page by page: to derive one and to write it in three formats takes longer than to try them."""
    names = tuple(some(getattr(pages, group), MOST[group]))

    def is_the_golden_file(name: str) -> None:
        golden(f"{name}.txt", pages.text(name, "text"))

    claims: list[Callable[[str], None]] = [*EVERY, *([markdown_uses_no_macro_of_its_own] if group in LAYERED else [])]
    cases = [(name, claim) for name in names for claim in claims]
    cases += [(name, claim) for name in names if name in LAYERS for claim in (*OF_A_LAYER, is_the_golden_file)]

    hold(cases)
    if shutil.which("pdflatex") is not None:
        assert not overfull({label(name): pages.text(name, "latex") for name in names}, tmp_path)
    if group == "FIRST":
        again = tuple(some(names, 2))
        assert of_another_process(again, hash_seed=77) == {name: pages.text(name, "latex") for name in again}


LAYERED = ("FIRST", "SECOND")


def of_another_process(names: tuple[str, ...], hash_seed: int) -> dict[str, str]:
    """Pages in LaTeX, written where the order of sets is another one; texts are golden files."""
    code = (
        "import json\nfrom tests.derive.typeset import pages\n"
        f"print(json.dumps({{name: pages.text(name, 'latex') for name in {names!r}}}))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    other = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    return dict(json.loads(other.stdout))


def test_a_further_format_is_a_file_and_a_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(
        FORMATS, "outline", Format("outline", "text/x-outline", ".outline", "tests.derive.typeset.outline")
    )
    lines = ["tanh: hyperbolic tangent", "1", "Gradient with respect to x", *"234"]
    assert derived("tanh")._repr_mimebundle_()["text/x-outline"].splitlines() == lines
    monkeypatch.setattr("sys.argv", ["gradscribe", "derive", "tanh", "--format", "outline"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    assert capsys.readouterr().out.splitlines() == lines
