"""Kernels of recurrences: beside the interpreter, beside PyTorch, at odd sizes, by every backend."""

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.kernel.kernel import first_order
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.codegen.numpy.plan import Contract, Recur
from gradscribe.codegen.tool.verify import verify_layer
from gradscribe.derive.ir.index import integer
from gradscribe.derive.layer.interface import Layer
from tests.cases.agreement import assert_kernels_agree, called, compiled, shapes
from tests.cases.recurrences import TEXTS, twin
from tests.cases.thorough import some

Array = np.ndarray


def layer(name: str) -> Layer:
    return gradscribe.layer(TEXTS[name], name)


def drawn(source: Layer, sizes: dict[str, int], rng: np.random.Generator) -> dict[str, Array]:
    known = {s: sizes.get(s.name, 3) for s in source.program.symbols()}
    return {name: rng.normal(size=shape) for name, shape in shapes(source, known).items()}


def runtime(module: ModuleType) -> Any:
    return sys.modules[module.rt.__name__]


SIZES = [
    {"N": 2, "T": 5, "K": 3, "J": 3, "D": 2, "V": 2, "I": 6},
    {"N": 1, "T": 1, "K": 1, "J": 1, "D": 1, "V": 1, "I": 1},
    {"N": 0, "T": 3, "K": 2, "J": 2, "D": 2, "V": 2, "I": 2},
    {"N": 3, "T": 17, "K": 17, "J": 17, "D": 5, "V": 9, "I": 40},
]


@pytest.mark.parametrize("backend", ["numpy", "compiled"])
@pytest.mark.parametrize("sizes", SIZES, ids=lambda s: "x".join(map(str, s.values())))
@pytest.mark.parametrize("name", TEXTS)
def test_kernels_compute_what_the_interpreter_does(name: str, sizes: dict[str, int], backend: str) -> None:
    rng = np.random.default_rng(0)
    source = layer(name)
    known = {s: sizes.get(s.name, 3) for s in source.program.symbols() if s.is_integer}
    known |= {s: 0.5 for s in source.program.symbols() if not s.is_integer}
    values = {key: rng.normal(size=shape) for key, shape in shapes(source, known).items()}
    with runtime(compiled(source)).settings(backend=backend):
        assert_kernels_agree(source, known, values, rng)


@pytest.mark.parametrize("name", ["viterbi", "back_pointers"])
def test_ties_are_split(name: str) -> None:
    """What counts them stands between the statements of the recurrence, and is none of them."""
    rng = np.random.default_rng(0)
    source = layer(name).with_ties("split")
    known = {s: {"N": 2, "T": 4, "K": 3}.get(s.name, 3) for s in source.program.symbols()}
    values = {key: rng.integers(0, 2, size=shape) * 1.0 for key, shape in shapes(source, known).items()}
    assert_kernels_agree(source, known, values, rng)


def test_no_positions_make_empty_results() -> None:
    module = compiled(layer("rnn"))
    given = {"x": np.zeros((2, 0, 3)), "b": np.zeros(2), "w": np.zeros((3, 2)), "u": np.zeros((2, 2))}
    found = called(module.rnn_forward, given | {"h0": np.ones((2, 2))})
    assert found[0].shape == (2, 0, 2)


def test_nan_goes_on_from_where_it_is() -> None:
    x = np.arange(6.0)
    x[3] = np.nan
    found = called(compiled(layer("running_sum")).running_sum_forward, {"x": x})
    np.testing.assert_array_equal(np.isnan(found), [False] * 3 + [True] * 3)


@pytest.mark.parametrize("name", some(TEXTS, 3))
def test_every_row_and_box_is_evaluated(name: str) -> None:
    wrong = [v for v in verify_layer(layer(name), 4) if not v.passed]
    assert not wrong


@pytest.mark.thorough
@pytest.mark.parametrize("name", TEXTS)
def test_second_order(name: str) -> None:
    wrong = [v for v in verify_layer(layer(name), 3, order=2) if not v.passed]
    assert not wrong


@pytest.mark.oracle
@pytest.mark.parametrize("backend", ["numpy", "compiled"])
@pytest.mark.parametrize("name", TEXTS)
def test_values_and_gradients_are_those_of_autograd(name: str, backend: str) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    source = layer(name)
    arrays = drawn(source, {"N": 3, "T": 6, "K": 4, "J": 4, "D": 5, "V": 2, "I": 7}, rng)
    tensors = {key: torch.tensor(value, requires_grad=True) for key, value in arrays.items()}
    expected = twin(name)(**tensors)
    expected = expected if isinstance(expected, tuple) else (expected,)
    seeds = [rng.normal(size=e.shape) for e in expected]
    torch.autograd.backward(expected, [torch.tensor(s) for s in seeds])
    module = compiled(source)
    with runtime(module).settings(backend=backend):
        found = called(getattr(module, f"{name}_forward"), arrays)
        found = found if isinstance(found, tuple) else (found,)
        results = first_order(source)[0].results
        for result, wanted in zip(found, expected, strict=False):
            np.testing.assert_allclose(result, wanted.detach().numpy(), 1e-9, 1e-12)
        given = arrays | dict(zip(results, found, strict=True))
        names = [seed.name for seed in source.differentiate().seeds.values()]
        given |= dict(zip(names, seeds, strict=True))
        for key in source.differentiable:
            gradient = called(gradient_function(module, source, key), given)
            np.testing.assert_allclose(gradient, tensors[key].grad.numpy(), 1e-9, 1e-11, err_msg=key)


def gradient_function(module: ModuleType, source: Layer, key: str) -> Any:
    return getattr(module, next(k.name for k in first_order(source) if k.wrt == (key,)))


def test_what_does_not_recur_is_computed_for_all_positions_at_once() -> None:
    """x w is one product before the loop, and the gradient by w one behind it."""
    plans = {k.name: plan(k).records for k in first_order(layer("rnn"))}
    kinds = [type(r) for r in plans["rnn_forward"] if isinstance(r, Contract | Recur)]
    assert kinds == [Contract, Recur]
    last = [r for r in plans["rnn_grad_weight"] if isinstance(r, Contract | Recur)]
    assert [type(r) for r in last] == [Recur, Contract]
    loop = last[0]
    assert isinstance(loop, Recur)
    assert (loop.step, loop.extent) == (-1, integer("T"))
