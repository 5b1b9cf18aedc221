"""Equations of papers as users write them: values and all gradients are PyTorch's, in NumPy and by compiled loops."""

from importlib import import_module

import numpy as np
import pytest

from benchmarks.cases import own_cases
from benchmarks.cases.equations import TEXTS, Equation
from gradscribe.generated import settings
from tests.cases.thorough import some

pytest.importorskip("torch")
torch_cases = import_module("benchmarks.cases.torch_cases")
pytestmark = pytest.mark.oracle


@pytest.mark.parametrize("backend", ["numpy", "compiled"])
@pytest.mark.parametrize("case", some(TEXTS, 8), ids=lambda case: case.name)
def test_values_and_gradients_are_pytorchs(case: Equation, backend: str) -> None:
    small = case.reduced()
    arrays = small.arrays("float64")
    theirs = torch_cases.equation(small, arrays)
    expected = theirs.arrays(theirs.call())
    with settings(backend=backend):
        ours = own_cases.equation(small, arrays)
        found = ours.arrays(ours.call())
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].shape == value.shape
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-10 * np.abs(value).max(), err_msg=name)
