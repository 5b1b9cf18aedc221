"""The function of all gradients: which layers have it, and that it is the single functions with nothing twice."""

import inspect
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from itertools import product
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe import generated
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.kernel.calling import shape_argument
from gradscribe.codegen.kernel.kernel import Kernel, backward_kernel, kernels
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.codegen.numpy.plan import Equation, walk
from gradscribe.derive.ir.term import accesses
from gradscribe.derive.layer.interface import Layer
from tests.cases.catalogue import TRIED, layer
from tests.cases.finite_differences import compare_slopes, weighted_sum
from tests.cases.layers import random_values, sampled_case
from tests.cases.random_programs import random_case
from tests.cases.thorough import draws, some
from tests.cases.together import together

ALONG = ("batch_norm_inference", "group_norm", "instance_norm", "layer_norm", "prelu", "rms_norm")
"""The layers that have it since their gradients go along the same tensor."""
SHARING = ("batch_norm", "gru_cell", "lstm_cell", "scaled_dot_product_attention", "simple_rnn_cell", "subsampling2d")
"""Layers of the catalogue that have it since their gradients share terms; for most tests."""
RECURRENT = (
    "bidirectional_lstm",
    "crf_loss",
    "delta_rule",
    "gru",
    "lstm",
    "selective_scan",
    "simple_rnn",
    "state_space",
)
"""Those that have it since their gradients run the same way back."""
PRODUCTS = ("bilinear", "channel_product", "deform_conv2d", "position_embedding", "roi_align")
"""Those whose gradients read the same products or places."""
RANDOM = (3, 4, 6, 9, 12, 44, 65, 70, 89, 108)
"""Seeds of random programs whose gradients have statements in common."""

MLP = """
u[n,h] = b[h] + sum(c) x[n,c] * w[c,h]
a[n,h] = max(u[n,h], 0)
y[n,k] = d[k] + sum(h) a[n,h] * v[h,k]
weight w, b, v, d
optional b
"""
SCALED = "v[n,c] = exp(x[n,c] * g[c]); y[n,c] = v[n,c] * w[c]; weight w, g; factor g"
"""An absent weight counts as 1 and has no gradient."""


def both(found: Layer) -> tuple[tuple[Kernel, ...], Kernel]:
    """The functions of single gradients, and that of all."""
    backward = backward_kernel(found)
    assert backward is not None
    return kernels(found)[1:], backward


def call(module: ModuleType, kernel: Kernel, values: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
    """What a function returns; an array that is missing is absent."""
    given = {o.name: options[o.name] for o in kernel.options if o.name in options}
    given |= {shape_argument(t): np.shape(values[t.name]) for t in kernel.shaped}
    given |= {kernel.flag: options["inputs"]} if kernel.flag and "inputs" in options else {}
    with np.errstate(all="ignore"):
        return getattr(module, kernel.name)(*(values.get(t.name) for t in kernel.arguments), **given)


def everything(
    found: Layer, module: ModuleType, inputs: Mapping[str, Any], options: Mapping[str, Any], rng: np.random.Generator
) -> dict[str, Any]:
    """Inputs, what forward returns, and a gradient of every output of the inputs' type."""
    forward, *gradients = kernels(found)
    results = call(module, forward, inputs, options)
    values = {**inputs, **dict(zip(forward.results, results if len(forward.results) > 1 else (results,), strict=True))}
    for seed, output in gradients[0].seeds:
        like = np.asarray(values[output])
        values[seed] = rng.normal(size=like.shape).astype(like.dtype)[()]
    return values


def agree(
    found: Layer, module: ModuleType, inputs: Mapping[str, Any], options: Mapping[str, Any], rng: np.random.Generator
) -> dict[str, Any]:
    """Raise unless it gives what the single functions do, None for what is absent; returns the gradients by input."""
    singles, backward = both(found)
    values = everything(found, module, inputs, options, rng)
    together = dict(zip(backward.wrt, call(module, backward, values, options), strict=True))
    shared = {s for k in singles for s in k.program.statements}
    same = shared >= set(backward.program.statements)
    for kernel in singles:
        (name,) = kernel.wrt
        gradient = together[name]
        if values.get(name) is None:
            assert gradient is None, kernel.name
            continue
        alone = call(module, kernel, values, options)
        assert gradient.dtype == alone.dtype
        assert gradient.shape == alone.shape
        finite = np.isfinite(alone)
        tolerance = (1e-12 if alone.dtype == np.float64 else 2e-5) * np.abs(alone[finite]).max(initial=1.0)
        np.testing.assert_array_equal(gradient[~finite], alone[~finite], err_msg=kernel.name)
        np.testing.assert_allclose(gradient[finite], alone[finite], 0, 0 if same else tolerance, err_msg=kernel.name)
    return together


def test_a_layer_has_it_where_gradients_need_the_same() -> None:
    """Nothing of dense or a convolution is shared."""
    found = {name for name in TRIED if backward_kernel(layer(name)) is not None}
    assert found == {*SHARING, *ALONG, *RECURRENT, *PRODUCTS} & {*TRIED}
    for name in ("dense", "conv2d"):
        module = import_module(f"gradscribe.generated.{name}")
        assert not hasattr(module, f"{name}_backward")
    assert generated.lstm_cell_backward is generated.lstm_cell.lstm_cell_backward


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", [*SHARING, *some(ALONG, 3)])
def test_it_equals_the_single_functions(name: str, dtype: Any) -> None:
    """Optional inputs are there or not, at random."""
    rng, module = np.random.default_rng(5), import_module(f"gradscribe.generated.{name}")
    for _ in range(draws(3, 20)):
        case = sampled_case(name, rng)
        values = {k: v.astype(dtype) for k, v in random_values(case, rng).items()}
        agree(layer(name), module, values, case.options, rng)


@pytest.mark.parametrize("name", [*SHARING, *some(ALONG, 2)])
def test_it_equals_differences(name: str) -> None:
    rng, module = np.random.default_rng(6), import_module(f"gradscribe.generated.{name}")
    case = sampled_case(name, rng, limit=400)
    values = random_values(case, rng)
    _, backward = both(layer(name))
    given = everything(layer(name), module, values, case.options, rng)
    found = dict(zip(backward.wrt, call(module, backward, given, case.options), strict=True))
    weights = {output: given[seed] for seed, output in backward.seeds}
    slopes = {n: g for n, g in found.items() if g is not None}
    tally = compare_slopes(weighted_sum(layer(name).program, weights, case.sizes), values, slopes, rng)
    assert tally.compared > tally.skipped


@together("seed", some(RANDOM, 2))
def test_that_of_random_programs_equals_both(seed: int) -> None:
    case, rng = random_case(seed), np.random.default_rng(seed)
    module = compile_layer(case.layer)
    agree(case.layer, module, case.values, case.options, rng)
    _, backward = both(case.layer)
    given = everything(case.layer, module, case.values, case.options, rng)
    slopes = dict(zip(backward.wrt, call(module, backward, given, case.options), strict=True))
    weights = {output: given[slope] for slope, output in backward.seeds}
    tally = compare_slopes(weighted_sum(case.layer.program, weights, case.sizes), case.values, slopes, rng)
    assert tally.skipped <= 2 + tally.compared // 4


@pytest.mark.parametrize("name", ["lstm_cell", "gru_cell", "scaled_dot_product_attention"])
def test_an_empty_batch(name: str) -> None:
    rng = np.random.default_rng(1)
    shapes: dict[str, dict[str, tuple[int, ...]]] = {
        "lstm_cell": {"x": (0, 3), "h": (0, 2), "c": (0, 2), "w": (3, 4, 2), "r": (2, 4, 2), "b": (4, 2)},
        "gru_cell": {"x": (0, 3), "h": (0, 2), "w": (3, 3, 2), "r": (2, 3, 2), "b": (3, 2)},
        "scaled_dot_product_attention": {"q": (0, 3, 2), "k": (0, 4, 2), "v": (0, 4, 5)},
    }
    values = {k: rng.normal(size=s) for k, s in shapes[name].items()}
    found = agree(layer(name), import_module(f"gradscribe.generated.{name}"), values, {}, rng)
    assert all(g is None or not g.any() for g in found.values())


def definitions(kernel: Kernel) -> list[str]:
    """What every tensor of a program is computed by, without its name."""
    groups: dict[str, list[str]] = {}
    for statement in kernel.program.statements:
        groups.setdefault(statement.target.name, []).append(repr(statement.term))
    return [" + ".join(sorted(terms)) for terms in groups.values()]


CASES = [*SHARING, *some(ALONG, 3), *(f"seed {seed}" for seed in some(RANDOM, 3)), "mlp"]


@cache
def case_of(word: str) -> Layer:
    if word == "mlp":
        return gradscribe.layer(MLP, "mlp")
    return random_case(int(word.removeprefix("seed "))).layer if word.startswith("seed ") else layer(word)


@together("word", CASES)
def test_nothing_is_computed_twice(word: str) -> None:
    singles, backward = both(case_of(word))
    statements = backward.program.statements
    assert len(set(statements)) == len(statements)
    assert len(set(definitions(backward))) == len(definitions(backward))
    assert {s.target.name for s in statements} >= {k.results[0] for k in singles}
    equations = [r for _, r in walk(plan(backward).records) if isinstance(r, Equation)]
    assert len(equations) == len(statements)


@together("word", CASES)
def test_everything_comes_before_it_is_read_and_a_result_as_soon_as_it_can(word: str) -> None:
    """Within what is always computed, and within what is only for the gradients of inputs."""
    _, backward = both(case_of(word))
    targets = list(dict.fromkeys(s.target.name for s in backward.program.statements))
    reads = {
        name: {a.tensor for s in backward.program.definitions(name) for a in accesses(s.term.body)} & set(targets)
        for name in targets
    }
    for place, name in enumerate(targets):
        assert reads[name] - {name} <= set(targets[:place])
    weights = {r for n, r in zip(backward.wrt, backward.results, strict=True) if n in backward.layer.weights}
    for result in weights:
        last = max((targets.index(r) for r in reads[result] - {result}), default=-1)
        between = set(targets[last + 1 : targets.index(result)])
        assert between <= weights, f"{result} could stand before {between}"


@together("word", CASES)
def test_it_is_given_inputs_and_what_forward_returns(word: str) -> None:
    found = case_of(word)
    forward, (_, backward) = kernels(found)[0], both(found)
    known = {t.name for t in found.program.inputs} | set(forward.results) | {seed for seed, _ in backward.seeds}
    names = [t.name for t in backward.arguments]
    assert set(names) <= known
    assert backward.wrt == found.differentiable
    assert names[: len(backward.seeds)] == [seed for seed, _ in backward.seeds]


@pytest.mark.parametrize("bias", [True, False])
def test_the_class_calls_it(bias: bool) -> None:
    """Gradients of weights are kept, that of an absent one is not; what is returned is the single functions'."""
    rng = np.random.default_rng(0)
    cell = generated.LSTMCell(5, 3, bias=bias, rng=0, dtype=np.float64)
    arrays = {"x": rng.normal(size=(4, 5)), "h": rng.normal(size=(4, 3)), "c": rng.normal(size=(4, 3))}
    cell(**arrays)
    found = cell.backward(rng.normal(size=(4, 3)), rng.normal(size=(4, 3)))
    assert [g.shape for g in found] == [a.shape for a in arrays.values()]
    assert {n: g.shape for n, g in cell.grads.items()} == {n: p.shape for n, p in cell.params.items()}
    assert ("b" in cell.grads) is bias
    text = inspect.getsource(generated.LSTMCell.backward)
    assert "lstm_cell_backward" in text
    assert "grad_" not in text


@pytest.mark.parametrize("bias", [True, False])
def test_so_does_that_of_a_text(bias: bool) -> None:
    module = compile_layer(gradscribe.layer(MLP, "mlp"))
    net = module.Mlp(3, 4, 2, dtype=np.float64, rng=0, **({} if bias else {"bias": False}))
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    net(x)
    found = net.backward(dy)
    values = {"x": x, **net.params}
    expected = agree(gradscribe.layer(MLP, "mlp"), module, values, {}, np.random.default_rng(0))
    assert found.shape == x.shape
    assert net.grads.keys() == {name for name, g in expected.items() if g is not None} - {"x"} == net.params.keys()


@pytest.mark.parametrize("inputs", [True, False])
def test_gradients_of_inputs_are_left_out_where_they_are_not_wanted(inputs: bool) -> None:
    rng, module = np.random.default_rng(2), import_module("gradscribe.generated.lstm_cell")
    found = layer("lstm_cell")
    _, backward = both(found)
    case = sampled_case("lstm_cell", rng)
    values = everything(found, module, random_values(case, rng), {}, rng)
    every = call(module, backward, values, {})
    some_of_them = call(module, backward, values, {"inputs": inputs})
    for name, one, other in zip(backward.wrt, every, some_of_them, strict=True):
        if name in found.weights or inputs:
            np.testing.assert_equal(one, other)
        else:
            assert other is None, name


def test_without_weights_nobody_is_asked() -> None:
    _, backward = both(layer("scaled_dot_product_attention"))
    assert backward.flag == ""


@pytest.mark.parametrize(("given", "inputs"), [*product([True, False], repeat=2)])
def test_an_absent_factor_has_no_gradient(given: bool, inputs: bool) -> None:
    """It is filled with ones before anything is computed, and all the same known to have been absent."""
    found, rng = gradscribe.layer(SCALED, "scaled"), np.random.default_rng(3)
    module = compile_layer(found)
    values = {"x": rng.normal(size=(4, 3)), "w": rng.normal(size=3)}
    values |= {"g": rng.normal(size=3)} if given else {}
    (_, backward), known = both(found), everything(found, module, values, {}, rng)
    results = dict(zip(backward.wrt, call(module, backward, known, {"inputs": inputs}), strict=True))
    assert (results["g"] is not None) is given
    assert (results["x"] is not None) is inputs
    if inputs:
        agree(found, module, values, {}, rng)


def test_an_array_may_be_called_like_its_argument() -> None:
    text = "v[n,c] = exp(inputs[n,c] * w[c]); y[n,c] = v[n,c] * d[c]; weight w, d"
    found = gradscribe.layer(text, "own")
    _, backward = both(found)
    assert backward.flag == "inputs_"
    rng = np.random.default_rng(0)
    values = {"inputs": rng.normal(size=(2, 3)), "w": rng.normal(size=3), "d": rng.normal(size=3)}
    agree(found, compile_layer(found), values, {}, rng)


def test_it_refuses_what_the_single_functions_refuse() -> None:
    rng, zeros = np.random.default_rng(0), np.zeros
    module = import_module("gradscribe.generated.scaled_dot_product_attention")
    found = layer("scaled_dot_product_attention")
    known = everything(found, module, {n: rng.normal(size=(2, 3, 4)) for n in "qkv"}, {}, rng)
    wrong = ({"dy": zeros((2, 3, 5))}, {"v": zeros((2, 4, 4))}, {"p": zeros((2, 3))}, {"q": zeros((2, 3, 4), int)})
    (gradient, *_), backward = both(found)
    for change in wrong:
        values = {**known, **change}
        with pytest.raises((TypeError, ValueError)) as error:
            call(module, backward, values, {})
        assert next(iter(change)) in str(error.value)
    with pytest.raises(TypeError, match="is_causal") as error:
        call(module, backward, known, {"is_causal": 2.5})
    with pytest.raises(TypeError) as alone:
        call(module, gradient, known, {"is_causal": 2.5})
    assert str(error.value) == str(alone.value)
