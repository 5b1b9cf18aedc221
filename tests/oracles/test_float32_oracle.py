"""Equations of papers and of other tools' pages in float32: beside integers, too, all results are float32."""

from importlib import import_module
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.kernel.kernel import first_order
from gradscribe.derive.layer.interface import Layer
from gradscribe.generated import settings
from tests.cases.agreement import called, compiled
from tests.cases.thorough import some

pytest.importorskip("torch")
pytestmark = pytest.mark.oracle
PAPERS = import_module("tests.oracles.test_papers").PAPERS
WRITTEN = import_module("tests.oracles.test_written_equations").WRITTEN


def drawn(name: str) -> dict[str, Any]:
    """The arrays of an equation."""
    return PAPERS[name].drawn() if name in PAPERS else WRITTEN[name].arrays()


BESIDE_INTEGERS = [n for n in (*PAPERS, *WRITTEN) if any(a.dtype.kind in "iu" for a in drawn(n).values())]
"""The equations that are given integers, too."""


def results(layer: Layer, arrays: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """What all functions return, by their names and the results'."""
    found: dict[str, Any] = {}
    known, module = dict(arrays), compiled(layer)
    for kernel in first_order(layer):
        seeds = {seed: np.ones_like(known[output]) for seed, output in kernel.seeds}
        made = called(getattr(module, kernel.name), {**known, **seeds, **options})
        returned = dict(zip(kernel.results, made if len(kernel.results) > 1 else (made,), strict=True))
        found |= {f"{kernel.name}: {name}": value for name, value in returned.items()}
        known |= {} if kernel.wrt else returned
    return found


def trained(layer: Layer, arrays: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """What calls of the class return, those that are recorded, too."""
    instance = getattr(compiled(layer), layer.class_name)(**options)
    found: dict[str, Any] = {}
    for turn in range(4):
        outputs = instance(**arrays)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        slopes = instance.backward(*(np.ones_like(y) for y in outputs if y.dtype.kind == "f"))
        slopes = slopes if isinstance(slopes, tuple) else (slopes,)
        found |= {f"call {turn}: {k}": value for k, value in enumerate((*outputs, *slopes))}
    return found


def assert_float32(text: str, arrays: dict[str, Any], options: dict[str, Any]) -> None:
    """Raise unless all results are float32, or integers as in float64."""
    layer = gradscribe.layer(text, "single")
    double = results(layer, arrays, options)
    single = {k: v.astype(np.float32) if v.dtype.kind == "f" else v for k, v in arrays.items()}
    for found in (results(layer, single, options), trained(layer, single, options)):
        wrong = {k: v.dtype for k, v in found.items() if v is not None and v.dtype == np.float64}
        assert not wrong
    assert {k: np.asarray(v).dtype.kind for k, v in results(layer, single, options).items()} == {
        k: np.asarray(v).dtype.kind for k, v in double.items()
    }


@pytest.mark.parametrize("backend", ["numpy", "compiled"])
@pytest.mark.parametrize("name", some(BESIDE_INTEGERS, 4))
@pytest.mark.filterwarnings("ignore")
def test_results_have_the_type_of_the_floats(name: str, backend: str) -> None:
    case = PAPERS.get(name) or WRITTEN[name]
    with settings(backend=backend):
        assert_float32(case.text, drawn(name), dict(case.options or {}))
