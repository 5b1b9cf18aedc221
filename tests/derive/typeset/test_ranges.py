"""What a page says of the range of an index is what its guard says, wherever the indices are."""

import operator
from dataclasses import replace
from itertools import product
from random import Random

import pytest
from sympy import Add, Expr, Integer

from gradscribe.derive.ir.index import integers
from gradscribe.derive.ir.term import Guard, Range, Term
from gradscribe.derive.typeset.terms.ranges import chain
from gradscribe.derive.typeset.writers.text import text_writer
from gradscribe.derive.typeset.writers.text.text_symbols import TextTypesetter
from tests.cases.catalogue import derived
from tests.cases.thorough import draws
from tests.cases.together import together

H, W, P, i, j = integers("H W p i j")
TERM = Term((Range(i, H), Range(j, W)), (), Integer(1))


def random_guard(rng: Random) -> Guard:
    moving = Add(*(rng.choice((-2, -1, 0, 1)) * v for v in (i, j)))
    fixed = Add(*(rng.choice((-1, 0, 0, 1)) * e for e in (H, W, P)), rng.choice((-2, -1, 0, 1)))
    return Guard(moving + fixed, rng.choice((H, W, P, P + 1, Integer(3))))


def holds(guard: Guard, values: dict[Expr, Expr]) -> tuple[bool, bool]:
    """Whether the guard does, and what is written."""
    first, links = chain(guard, TERM)
    numbers = [int(e.xreplace(values)) for e in (first, *(e for _, e in links))]
    signs = [operator.lt if strict else operator.le for strict, _ in links]
    written = all(sign(a, b) for sign, a, b in zip(signs, numbers, numbers[1:], strict=False))
    return 0 <= int(guard.value.xreplace(values)) < int(guard.extent.xreplace(values)), written


def test_ranges_are_those_of_the_guards() -> None:
    rng = Random(5)
    for _ in range(draws(40, 600)):
        guard = random_guard(rng)
        for h, w, p in product((1, 2, 4), (1, 3), (0, 1, 2)):
            for a, b in product(range(h), range(w)):
                one, other = holds(guard, {H: Integer(h), W: Integer(w), P: Integer(p), i: Integer(a), j: Integer(b)})
                assert one == other, (guard, chain(guard, TERM), h, w, p, a, b)


@together(
    "value, extent, written",
    [
        (W - 1 - j, P, "W−p≤j"),
        (W - 2 - j, P, "W−p−1≤j≤W−2"),
        (W - 1 - j, P + 1, "W−p−1≤j"),
        (j - 1, P, "1≤j≤p"),
        (j - P, W - P, "p≤j"),
        (i - j, H, "j≤i"),
        (j, P, "j<p"),
        (i + j - P, W, "0≤i+j−p<W"),
    ],
)
def test_an_index_stands_alone(value: Expr, extent: Expr, written: str) -> None:
    term = replace(TERM, guards=(Guard(value, extent),))
    pieces = TextTypesetter(derived("relu").notation).within(term).summand(term, (), False)
    assert "".join(piece.text for piece in pieces) == f"[{written}]"


@pytest.mark.parametrize("name", ["circular_pad2d", "replication_pad1d"])
def test_a_slope_stands_once_before_several_sums(name: str) -> None:
    page = derived(name)
    box = text_writer.render(page).split("│ δ⁽ˡ⁻¹⁾")[1].split("δ⁽ˡ⁻¹⁾")[0]
    assert box.count("f′(u⁽ˡ⁻¹⁾") == 1
    assert box.count("∂E/∂z⁽ˡ⁾[") + box.count(" δ⁽ˡ⁾[") + box.count("(δ⁽ˡ⁾[") == 3
    assert box.rstrip().endswith("])")
