"""The points that are used by default are those that benchmarks/winograd_points.py chooses, and they measure well."""

import numpy as np
import pytest
import sympy

from benchmarks.winograd_points import CANDIDATES, LEAST, SHOWN, compared, ranked, used
from gradscribe.derive.catalogue.winograd import CookToom, cook_toom, standard_points
from gradscribe.derive.catalogue.winograd.accuracy import amplification, errors
from gradscribe.derive.catalogue.winograd.points import ERRORS
from tests.cases.thorough import draws


@pytest.mark.parametrize("n", range(LEAST, draws(6, 8)))  # 8 takes longer than all of these
def test_the_standard_points_are_those_chosen(n: int) -> None:
    assert ranked(n)[0].points == standard_points(n)


@pytest.mark.thorough
@pytest.mark.parametrize("rectified", [False, True])
@pytest.mark.parametrize("n", [4, 6])
def test_none_of_the_next_ones_measures_clearly_better(n: int, rectified: bool) -> None:
    algorithms = [(m, r) for m, r in ERRORS if m + r - 1 == n]
    chosen, *others = (choice.errors(algorithms, rectified) for choice in ranked(n)[:SHOWN])
    assert chosen < 1.15 * min(others)
    assert chosen < 0.9 * max(others)


def test_the_order_in_which_points_are_listed_is_no_choice() -> None:
    f = cook_toom(2, 3)
    back = cook_toom(2, 3, f.points[::-1])
    assert amplification(back) == pytest.approx(amplification(f), rel=1e-12)


@pytest.mark.parametrize("n", range(LEAST, 9))
def test_transforms_of_three_bits_are_exact_in_float32(n: int) -> None:
    f = cook_toom(n - 1, 2)
    finite = [abs(p) for p in f.points if p not in (0, sympy.oo)]
    assert set(finite) <= set(CANDIDATES)
    for matrix in (f.output, f.data):
        assert [sympy.Rational(float(np.float32(float(v)))) for v in matrix] == list(matrix)


@pytest.mark.thorough
def test_the_error_grows_with_what_is_predicted() -> None:
    """Over two orders of magnitude the quotient changes by less than half."""
    found: list[CookToom] = [cook_toom(m, r) for m, r in [(1, 3), (2, 3), (3, 3), (4, 3), (2, 7), (6, 3), (5, 5)]]
    quotients = [float(np.mean(errors(f))) / amplification(f) for f in found if amplification(f) > 1.5]
    assert max(quotients) < 2.2 * min(quotients)


@pytest.mark.thorough
def test_the_tables_that_are_printed() -> None:
    table = compared(4)
    assert table.row_count == SHOWN
    assert list(table.columns[-1].cells) == ["chosen", *[""] * (SHOWN - 1)]
    assert next(iter(table.columns[0].cells)) == "0, 1, -1, oo"
    table = used()
    assert list(table.columns[0].cells) == [f"F({m}, {r})" for m, r in ERRORS]
    assert list(table.columns[4].cells) == [f"{error:.1e}" for error in ERRORS.values()]
