"""Every printed format has the same headings in the same order and the same numbers beside its rows."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gradscribe.codegen.tool.cli import main
from gradscribe.derive.typeset.formats import FORMATS, Format
from tests.cases.catalogue import derived
from tests.derive.typeset import outline, pages

HEADING = {
    "text": re.compile(r"(?:\A|─{40}\n\n)(?P<title>.+)\n|^(?P<other>\S.*)\n[─═]{3,}$", re.MULTILINE),
    "latex": re.compile(r"^\\(?:sub)?section\*\{(.*)\}$", re.MULTILINE),
    "markdown": re.compile(r"^#+ (.*)$", re.MULTILINE),
}
NUMBER = {
    "text": re.compile(r"^  .{103,} \((\d+)\)$", re.MULTILINE),
    "latex": re.compile(r"^.*\\tag\{(\d+)\}(?:\\\\(?:\[4pt\])?)?$", re.MULTILINE),
    "markdown": re.compile(r" (?:&&|\\qquad) \((\d+)\)(?: \\\\)?$", re.MULTILINE),
}


def found(page: str, form: str) -> list[str]:
    """Headings and numbers in the order in which they stand on the page."""
    matches = [m for patterns in (HEADING, NUMBER) for m in patterns[form].finditer(page)]
    return [next(filter(None, m.groups())) for m in sorted(matches, key=lambda m: m.start())]


def plain(heading: str) -> str:
    """Numbers, and the words of a heading between its mathematics."""
    return " ".join(re.findall("[a-z]{2,}|^[0-9]+$", re.sub(r"\$.*?\$|\\", " ", heading.lower())))


def within(words: str, heading: str) -> bool:
    """Whether all words occur in this order; between them there may be mathematics, written in letters."""
    rest: Iterator[str] = iter(plain(heading).split())
    return all(word in rest for word in words.split())


@pytest.mark.parametrize("name", pages.PAGES)
def test_headings_and_numbers_are_the_same_in_every_format(name: str) -> None:
    page = pages.derivation(name)
    expected = outline.render(page).splitlines()
    numbers = [line for line in expected if line.isdigit()]
    rows = sum(len(part.steps) for s in page.sections for part in s.parts)
    count = len(page.definitions) + rows + sum(len(s.results) for s in page.sections)
    assert numbers[:count] == [str(n + 1) for n in range(count)]
    assert found(pages.text(name, "text"), "text") == expected
    latex, markdown = ([plain(line) for line in found(pages.text(name, f), f)] for f in ("latex", "markdown"))
    assert latex == markdown
    assert len(latex) == len(expected)
    assert all(within(words, line) for words, line in zip(latex, expected, strict=True))
    assert [line for line in latex if line.isdigit()] == numbers


def test_a_further_format_is_a_file_and_a_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(FORMATS, "outline", Format("outline", "text/x-outline", "tests.derive.typeset.outline"))
    lines = ["tanh: hyperbolic tangent", "1", "Gradient with respect to x", *"234567"]
    assert derived("tanh")._repr_mimebundle_()["text/x-outline"].splitlines() == lines
    monkeypatch.setattr("sys.argv", ["gradscribe", "derive", "tanh", "--format", "outline"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    assert capsys.readouterr().out.splitlines() == lines
