"""Every printed format has the same headings in the same order and the same numbers beside its rows."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from gradscribe.codegen.tool.cli import main
from gradscribe.codegen.tool.find import find
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.catalogue.winograd import cook_toom
from gradscribe.derive.catalogue.winograd.fast_correlation import derive_winograd
from gradscribe.derive.derivation import Derivation, derive
from gradscribe.derive.derivation.gradient.identity import rotation_identity
from gradscribe.derive.typeset.formats import FORMATS, Format, rendered
from tests.cases.catalogue import derived, derived_twice
from tests.derive.typeset import outline

CHAINS = [
    "conv2d -> tanh -> conv2d",
    "conv2d -> tanh -> subsampling2d -> conv2d -> flatten -> dense",
    "conv2d(4, 3, padding=1) -> residual(conv2d(4, 3, padding=1) -> relu -> conv2d(4, 3, padding=1)) -> relu -> conv2d",
]


def network(name: str) -> Derivation:
    return derive(NETWORKS[name]())


def chained(layers: str, order: int = 1) -> Derivation:
    return derive(find(layers), order=order)


PAGES: dict[str, Callable[[], Derivation]] = {
    **{name: partial(derived, name) for name in LAYERS},
    **{f"{name}, order 2": partial(derived_twice, name) for name in LAYERS},
    **{name: partial(network, name) for name in NETWORKS},
    **{chain: partial(chained, chain) for chain in CHAINS},
    f"{CHAINS[0]}, order 2": partial(chained, CHAINS[0], 2),
    "F(2, 3)": lambda: derive_winograd(cook_toom(2, 3), 1),
    "F(4×4, 3×3)": lambda: derive_winograd(cook_toom(4, 3), 2),
    "identity": rotation_identity,
}
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


@pytest.mark.parametrize("name", PAGES)
def test_headings_and_numbers_are_the_same_in_every_format(name: str) -> None:
    derivation = PAGES[name]()
    expected = outline.render(derivation).splitlines()
    numbers = [line for line in expected if line.isdigit()]
    rows = sum(len(part.steps) for s in derivation.sections for part in s.parts)
    count = len(derivation.definitions) + rows + sum(len(s.results) for s in derivation.sections)
    assert numbers[:count] == [str(n + 1) for n in range(count)]
    assert found(rendered(derivation, "text"), "text") == expected
    latex, markdown = ([plain(line) for line in found(rendered(derivation, f), f)] for f in ("latex", "markdown"))
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
