"""A product is whole on a line wherever a line of the page can hold it; where none can, the next one begins with "·".

What is read here is the printed page alone.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest

from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.typeset.document.look import Look
from gradscribe.derive.typeset.formats import rendered
from gradscribe.derive.typeset.terms.row_pieces import Piece, plain
from gradscribe.derive.typeset.writers.text.text_lines import columns, laid
from tests.cases.catalogue import TRIED, derived
from tests.cases.thorough import some
from tests.derive.typeset.pages import derivation

NUMBER = re.compile(r" +\(\d+\)$")


def equations(page: str) -> Iterator[list[str]]:
    """The lines of the equations that take several."""
    found: list[str] = []
    for line in (NUMBER.sub("", line) for line in page.splitlines()):
        if found and re.match(r"[ │]+[·+−/=⊙]", line):
            found.append(line)
            continue
        if len(found) > 1:
            yield found
        found = [line]


def products(lines: list[str]) -> Iterator[tuple[str, int]]:
    """The products of a sum, between the signs that no bracket encloses, and how many lines each takes."""
    text = "\n".join(line.strip(" │") for line in lines)
    text = text[text.index("= ") + 2 :]
    depth, start, whole = 0, 0, list[str]()
    for place, sign in enumerate(text):
        depth += (sign in "([{⌊") - (sign in ")]}⌋")
        if not depth and place and sign in "+−" and text[place - 1] in " \n" and text[place + 1 : place + 2] == " ":
            whole.append(text[start:place])
            start = place
    for product in (*whole, text[start:]):
        yield product.strip().replace("\n· ", " ").replace("\n", " "), product.strip().count("\n· ") + 1


@pytest.mark.parametrize("name", [*some(TRIED, 9), *some(NETWORKS, 1)])
def test_no_line_ends_within_a_product_that_a_line_can_hold(name: str) -> None:
    for width in (60, 80, 120):
        page = rendered(derivation(name), "text", None, Look(width=width))
        for lines in equations(page):
            margin = 8 if "│" in lines[0] else 6
            for product, taken in products(lines):
                assert taken == 1 or margin + columns(product) > width, "\n".join(lines)


def test_a_batch_norm_is_whole_on_a_terminal_of_80_columns() -> None:
    """The product of its gradient that is as wide as a line: its name stands above it, its number beside the name."""
    page = rendered(derived("batch_norm"), "text", None, Look(width=80))
    assert "− γ[c′]/(M(ε+v[c′])^(3/2)) (x[e′,c′]−m[c′]) Σ_{e} δ[e,c′] (x[e,c′]−m[c′])\n" in page
    assert not re.search(r"^[ │]*· ", page, re.MULTILINE)


def test_what_goes_on_with_a_product_begins_with_its_sign() -> None:
    pieces = [Piece((plain(text),)) for text in ("bbbb", "cccc", "dddd")]
    first = Piece((plain("aaaa"),), "")
    assert [line.text for line in laid("y = ", [first, *pieces], 20).lines] == ["y = aaaa bbbb cccc", "      · dddd"]
    assert [line.text for line in laid("y = ", [first, *pieces], 20, number=4).lines] == ["y = aaaa bbbb cccc dddd"]


def test_a_number_gives_way_where_nothing_else_helps() -> None:
    """A right side that would be in its way moves below its name first."""
    page = rendered(derived("batch_norm"), "text", None, Look(width=60)).splitlines()
    beside = [(line, after) for line, after in pairwise(page) if re.search(r" \(18\)$", line)]
    assert beside[0][0].split() == ["∂E/∂x[e′,c′]", "(18)"]
    assert beside[0][1].lstrip().startswith("= ")


@pytest.mark.parametrize("form", ["latex", "markdown"])
def test_in_latex_too(form: str) -> None:
    """A line that begins with a factor has the sign of multiplication in front."""
    page = rendered(derived("conv3d"), form)
    further = re.findall(r"\\\\\s*&+\\qquad\\qquad (.{8})", page)
    assert len(further) > 2
    assert set(further) == {r"{}\cdot "}
