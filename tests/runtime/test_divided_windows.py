"""Windows that are transformed piece by piece: long ones, such with steps, and those along three axes."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.contractions import choice
from gradscribe.generated.runtime.contractions.contraction import Contraction
from gradscribe.generated.runtime.machine.configuration import has_c
from tests.cases.thorough import draws
from tests.runtime.windows import SPECS, Axis, Case, drawn

pytestmark = pytest.mark.skipif(not has_c(), reason="no C compiler")


@pytest.mark.parametrize("seed", range(draws(4, 24)))
def test_results_are_those_of_plain_products_whatever_the_threads(seed: int) -> None:
    case = drawn(seed)
    rng = np.random.default_rng(seed)
    for dtype, direction in product((np.float32, np.float64), SPECS):
        x, w, y = (rng.standard_normal(shape).astype(dtype) for shape in case.shapes)
        expected = case.expected(direction, x, w, y)
        for strategy in ("fused2", "fused4"):
            found = []
            for threads in (1, 2):
                with rt.settings(backend="compiled", strategy=strategy, threads=threads):
                    found.append(case.computed(direction, x, w, y))
            atol = (1e-11 if dtype is np.float64 else 4e-5) * np.abs(expected).max()
            np.testing.assert_allclose(found[0], expected, rtol=0, atol=atol, err_msg=str(case))
            assert np.array_equal(*found)


def plans(case: Case, direction: str) -> dict[str, str]:
    """How the strategies that transform would compute it."""
    found: dict[str, str] = {}

    def note(c: Contraction, compute: Any) -> None:
        for way in choice.ways(c, rt.current()):
            if way.strategy.name in ("fused2", "fused4"):
                found[way.strategy.name] = str(way.plan)
        compute(choice.choice(c, rt.current()))

    with rt.settings(backend="compiled", threads=1), choice.observing(note):
        case.computed(direction, *(np.ones(shape, np.float32) for shape in case.shapes))
    return found


PLAIN = Axis(1, 1, -1, 12, 3, 12)


@pytest.mark.parametrize(
    ("axes", "text"),
    [
        ((PLAIN, PLAIN, PLAIN), "F(4, 3) x F(4, 3), 3 pieces"),
        ((Axis(1, 1, -4, 20, 9, 20),), "F(4, 3), 3 pieces"),
        ((Axis(1, 1, -3, 20, 7, 20),), "F(4, 3), 3 pieces"),  # the last has one tap
        ((Axis(2, 1, -1, 14, 4, 28), Axis(2, 1, -1, 14, 4, 28)), "F(4, 2) x F(4, 2), 4 pieces"),
        ((Axis(2, 2, 0, 14, 3, 32),), "F(4, 3)"),  # steps of gaps are none
        ((Axis(3, 1, 0, 14, 3, 42), PLAIN), "F(4, 3), 3 pieces"),  # one tap of each: nothing to gain along that axis
    ],
    ids=str,
)
@pytest.mark.parametrize("direction", SPECS)
def test_how_windows_are_divided(axes: tuple[Axis, ...], text: str, direction: str) -> None:
    found = plans(Case(axes, 2, 16, 32), direction)["fused4"]
    assert found.startswith(text)
    assert ("pieces" in found) == ("pieces" in text)


@pytest.mark.parametrize("axes", [(Axis(1, 1, -500, 1000, 1000, 1000),), (Axis(1, 1, -30, 60, 60, 60),) * 2], ids=str)
def test_windows_of_too_many_pieces_are_left_to_others(axes: tuple[Axis, ...]) -> None:
    assert not plans(Case(axes, 1, 2, 2), "forward")
