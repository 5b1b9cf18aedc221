"""Subscripts by name: what kernels write, what is read, what is refused."""

from itertools import product

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.contractions.subscripts import Subscript, operands

TEXTS = {
    "i": Subscript(0, (("i", 1),), True),
    "i+0": Subscript(0, (("i", 1),), False),
    "2i+r-1": Subscript(-1, (("i", 2), ("r", 1)), False),
    "-i+3": Subscript(3, (("i", -1),), False),
    "+1i+-2r--3": Subscript(3, (("i", 1), ("r", -2)), False),
    "0": Subscript(0, (), False),
    "-4": Subscript(-4, (), False),
    "y_1+α2": Subscript(0, (("y_1", 1), ("α2", 1)), False),
    "2i\u0307": Subscript(0, (("i\u0307", 2),), False),  # with a dot
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_subscript_is_indices_with_steps_and_an_offset(text: str) -> None:
    assert operands(f"{text} n, -> n")[0] == (TEXTS[text], Subscript(0, (("n", 1),), True))


@pytest.mark.parametrize("text", ["i*2", "+", "i-", "(i)", "2.5i", "i/2", "i*"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected indices with steps, and an offset"):
        rt.contract(f"{text}, i -> i", np.ones(3), np.ones(3))


def test_an_extent_that_nobody_tells_is_asked_for() -> None:
    x, w = np.arange(6.0), np.array([1.0, 2.0])
    with pytest.raises(ValueError, match="index i: its extent is not known; expected it among `sizes`"):
        rt.contract("i+r, r -> i", x, w)
    np.testing.assert_array_equal(rt.contract("i+r, r -> i", x, w, sizes={"i": 5}), x[:-1] + 2 * x[1:])


def test_the_result_tells_extents_too() -> None:
    x, w, out = np.arange(6.0), np.array([1.0, 2.0]), np.empty(5)
    assert rt.contract("i+r, r -> i", x, w, out=out) is out
    np.testing.assert_array_equal(out, x[:-1] + 2 * x[1:])


def test_any_subscripts_are_what_loops_over_them_give() -> None:
    """Steps of either sign, offsets, an axis at a number, steps of 0; into a window, too."""
    rng = np.random.default_rng(3)
    for a, b, c, d in product((-2, 0, 1, 3), (-1, 0, 2), (0, -1, 2), (1, -1)):
        x, w = rng.integers(-4, 5, (7, 3)).astype(float), rng.integers(-4, 5, (2, 3)).astype(float)
        expected = np.zeros(4)
        back = np.zeros(7)
        for i, r, k in product(range(4), range(2), range(3)):
            at = a * i + b * r + c
            if 0 <= at < 7:
                expected[i] += x[at, k] * w[r, k]
                back[at] += d * w[r, k]
        found = rt.contract(f"{a}i+{b}r+{c} k, r k -> i", x, w, sizes={"i": 4})
        np.testing.assert_array_equal(found, expected)
        ones = np.full((4, 3), float(d))
        into = rt.contract(f"i k, r k -> {a}i+{b}r+{c}", ones, w, out=np.full(7, np.nan))
        np.testing.assert_array_equal(into, back)
