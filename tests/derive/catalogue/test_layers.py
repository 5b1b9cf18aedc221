"""The catalogue's forward equations, and the kernels generated from them, against plain loops."""

import importlib
import inspect
from typing import Any

import numpy as np
import pytest

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.ir.interpret import interpret
from tests.cases.catalogue import TRIED
from tests.cases.layers import (
    CASES,
    LayerCase,
    interpreter_values,
    random_layer_case,
    random_values,
    sampled_case,
    sizes_of,
)
from tests.cases.naive import NAIVE
from tests.cases.together import together

Array = np.ndarray
RANDOM_CASES = [
    random_layer_case(name, np.random.default_rng([seed, number]))
    for number, name in enumerate(NAIVE)
    for seed in range(20 if name in ("conv2d", "max_pool2d", "avg_pool2d") else 3)
]
ROWS = together("case", [*CASES, *RANDOM_CASES], ids=lambda case: case.id)


def expected_output(case: LayerCase, values: dict[str, Array]) -> tuple[Array, ...]:
    arguments = [values.get(t.name) for t in case.layer.program.inputs]
    result = NAIVE[case.name](*arguments, **case.options)
    return result if isinstance(result, tuple) else (np.asarray(result),)


def arrays_for(case: LayerCase) -> dict[str, Array]:
    return random_values(case, np.random.default_rng(7))


def test_the_table_has_every_layer_that_there_are_loops_for() -> None:
    assert {case.name for case in CASES} == set(NAIVE)
    assert set(NAIVE) <= set(LAYERS)


def test_the_ids_of_the_table_differ() -> None:
    ids = [case.id for case in CASES]
    assert len(set(ids)) == len(ids)


@ROWS
def test_equations_equal_plain_loops(case: LayerCase) -> None:
    values = arrays_for(case)
    found = interpret(case.layer.program, interpreter_values(case, values), sizes_of(case))
    expected, *rest = expected_output(case, values)
    output = found[case.layer.output.name]
    assert output.size == expected.size
    np.testing.assert_allclose(output.reshape(expected.shape), expected, rtol=1e-12, atol=1e-12)
    for where in rest:
        np.testing.assert_array_equal(found["argmax"], where)


@ROWS
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_generated_forward_equals_plain_loops(case: LayerCase, dtype: type) -> None:
    values = {k: v.astype(dtype) if v.dtype.kind == "f" else v for k, v in arrays_for(case).items()}
    result = generated_forward(case, values)
    expected, *rest = expected_output(case, values)
    assert result[0].dtype == dtype
    tolerance = 1e-12 if dtype is np.float64 else 2e-5
    np.testing.assert_allclose(result[0], expected, rtol=tolerance, atol=tolerance)
    for where in rest:
        np.testing.assert_array_equal(result[1], where)


@together("name", TRIED)
def test_generated_forward_equals_the_equations(name: str) -> None:
    """Every layer of the catalogue; options and sizes are random, inputs that may be absent are so at times."""
    for seed in range(3):
        rng = np.random.default_rng([seed, 1])
        case = sampled_case(name, rng)
        values = random_values(case, rng)
        expected = interpret(case.layer.program, values, sizes_of(case))
        result = generated_forward(case, values)
        for tensor, found in zip(case.layer.program.outputs, result, strict=False):  # intermediates come after them
            assert np.shape(found) == expected[tensor].shape
            np.testing.assert_allclose(found, expected[tensor], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("seed", range(10))
def test_ties_and_nan_in_max_pooling(seed: int) -> None:
    rng = np.random.default_rng(seed)
    case = random_layer_case("max_pool2d", rng)
    x = rng.integers(-2, 2, size=case.shapes["x"]).astype(float)
    x[rng.random(x.shape) < 0.1] = np.nan
    x[rng.random(x.shape) < 0.1] = -np.inf
    expected, where = expected_output(case, {"x": x})
    found = interpret(case.layer.program, {"x": x}, sizes_of(case))
    y, argmax = generated_forward(case, {"x": x})
    for values, positions in ((found["y"], found["argmax"]), (y, argmax)):
        np.testing.assert_array_equal(values, expected)
        np.testing.assert_array_equal(positions, where)


def generated_forward(case: LayerCase, values: dict[str, Array]) -> tuple[Any, ...]:
    module = importlib.import_module(f"gradscribe.generated.{case.name}")
    arguments = [values.get(t.name) for t in case.layer.program.inputs]
    function = getattr(module, f"{case.name}_forward")
    options = {k: v for k, v in case.options.items() if k in inspect.signature(function).parameters}
    result = function(*arguments, **options)
    return result if isinstance(result, tuple) else (result,)
