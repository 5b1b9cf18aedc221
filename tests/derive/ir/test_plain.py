"""Programs computed number by number, compared with the oracle by arrays; functions of numbers, with NumPy's."""

from itertools import product

import numpy as np
import pytest
from sympy import Expr

from gradscribe.derive.ir.functions import FUNCTIONS, divides
from gradscribe.derive.ir.interpret import interpret, scalars
from gradscribe.derive.ir.interpret.plain import interpret_plainly
from gradscribe.derive.ir.reductions import REDUCTIONS
from gradscribe.derive.layer.sampling import sample_sizes, sample_values
from tests.cases.catalogue import TRIED, layer
from tests.cases.plain_arrays import array, plain
from tests.cases.thorough import some

SPECIAL = (0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 750.0, -750.0, np.inf, -np.inf, np.nan)
"""Where functions meet their borders and what a float holds."""


@pytest.mark.parametrize("name", some(TRIED, 12))
def test_a_layer_and_its_gradients_have_the_values_of_the_oracle(name: str) -> None:
    own = layer(name)
    rng = np.random.default_rng(0)
    sizes = sample_sizes(own, rng, limit=300)
    for program in (own.program, own.differentiate().program):
        with np.errstate(all="ignore"):  # infinities among the samples, windows without an element
            values = sample_values(program, sizes, rng, tied=True)
            expected = interpret(program, values, sizes)
        found = interpret_plainly(program, {k: plain(v) for k, v in values.items()}, sizes)
        assert found.keys() == expected.keys()
        for tensor, of_arrays in expected.items():
            np.testing.assert_allclose(array(found[tensor]), of_arrays, rtol=1e-9, atol=1e-9, err_msg=tensor)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_of_numbers_is_numpys(function: type[Expr]) -> None:
    row = FUNCTIONS[function]
    count = 1 if next(iter(function.nargs)) == 1 else 2
    for numbers in product(SPECIAL, repeat=count):
        if row.indicator and not all(np.isfinite(numbers)):
            continue  # of labels, positions and comparisons
        if function is divides and numbers[0] == 0:
            continue
        with np.errstate(all="ignore"):
            expected = row.compute(np, *map(np.asarray, numbers))
        np.testing.assert_allclose(row.compute(scalars, *numbers), expected, rtol=1e-12, err_msg=str(numbers))


@pytest.mark.parametrize("word", REDUCTIONS)
def test_a_reduction_of_numbers_is_numpys(word: str) -> None:
    name = REDUCTIONS[word].combine
    for a, b in product(SPECIAL, repeat=2):
        with np.errstate(all="ignore"):
            np.testing.assert_equal(float(getattr(scalars, name)(a, b)), float(getattr(np, name)(a, b)))


def test_a_power_is_numpys() -> None:
    for base, exponent in product(SPECIAL, (-2, -1, -0.5, 0.5, 1.5, 3.0)):
        if base == -np.inf and exponent % 1:
            continue  # NumPy itself has NaN for the root and infinity for others
        with np.errstate(all="ignore"):
            expected = np.power(np.asarray(base, float), exponent)
        np.testing.assert_allclose(scalars.power(base, exponent), expected, err_msg=f"{base}**{exponent}")
