"""The operator tests of the ONNX standard through our kernels: outputs in float32 to 1e-5."""

import warnings
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.cases.kernel_calls import agree, forward
from tests.oracles.onnx_adapters import ADAPTERS
from tests.oracles.onnx_case import Case

onnx = pytest.importorskip("onnx")
loader = pytest.importorskip("onnx.backend.test.loader")
pytestmark = pytest.mark.oracle


@cache
def cases() -> dict[str, list[tuple[str, Case]]]:
    """The cases of one node by operator; loading them runs all of ONNX's reference code, with its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = loader.load_model_tests(kind="node")
    named: dict[str, list[tuple[str, Case]]] = {name: [] for name in ADAPTERS}
    for test in found:
        node, *others = test.model.graph.node
        if others or node.op_type not in named:
            continue
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        attributes = {k: v.decode() if isinstance(v, bytes) else v for k, v in attributes.items()}
        for inputs, results in test.data_sets:
            case = Case(with_gaps(node.input, inputs), attributes, with_gaps(node.output, results))
            named[node.op_type].append((test.name, case))
    return named


def with_gaps(names: Iterable[str], arrays: Iterable[Any]) -> tuple[Any, ...]:
    """The arrays in order, and None where a name is empty."""
    present = iter(arrays)
    return tuple(next(present) if name else None for name in names)


def is_narrow(case: Case) -> bool:
    """Whether a number has fewer digits than ours, or no point."""
    first = next(t for t in (*case.inputs, *case.outputs) if t is not None and np.ndim(t))
    return first.dtype not in (np.float32, np.float64, np.int32, np.uint8)


@pytest.mark.parametrize("operator", ADAPTERS)
def test_cases_of_onnx(operator: str) -> None:
    adapter, least = ADAPTERS[operator]
    compared, reasons = 0, Counter[str]()
    for name, case in cases()[operator]:
        call = f"elements of type {np.asarray(case.inputs[0]).dtype}" if is_narrow(case) else adapter(case)
        if isinstance(call, str):
            reasons[call] += 1
            continue
        found = forward(call.layer, call.arrays, call.options)
        for output, expected in call.expected.items():
            what = f"{name} as {call.layer}{dict(call.options)}: {output}"
            agree(found[output], expected, call.tolerance, what)
            assert found[output].dtype == np.float32, what
        compared += 1
    print(f"{operator}: {compared} cases compared, not comparable: {dict(reasons)}")
    assert compared >= least, dict(reasons)
