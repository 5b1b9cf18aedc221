"""codegen/kernel: what each generated function and class is given and returns; the signatures that users rely on."""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gradscribe import generated
from gradscribe.codegen.driver import emitted
from gradscribe.codegen.kernel.kernel import Kernel, Purpose, evaluation, first_order, role
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.catalogue.optimisers import OPTIMISERS
from gradscribe.derive.language import read
from tests.cases.catalogue import FUNCTIONS, TRIED, kernel, layer, layer_kernels
from tests.cases.together import together

WINDOW = "stride=1, padding=0, dilation=1"
CONV = f"{WINDOW}, groups=1"
MAX = "stride=None, padding=0, dilation=1, ceil_mode=False"
AVG = "stride=None, padding=0, dilation=1, ceil_mode=False, count_include_pad=True"
SCALED = f"amplitude=1.7159, slope={2 / 3}"
SIGNATURES = {
    "conv2d_forward": f"x, w, b=None, *, {CONV}",
    "conv2d_grad_input": f"dy, w, *, input_shape, {CONV}",
    "conv2d_grad_weight": f"dy, x, *, kernel_size, {CONV}",
    "conv2d_grad_bias": "dy, *, groups=1",
    "max_pool2d_forward": f"x, *, kernel_size, {MAX}",
    "max_pool2d_grad_input": f"dy, argmax, *, input_shape, kernel_size, {MAX}",
    "avg_pool2d_forward": f"x, *, kernel_size, {AVG}",
    "avg_pool2d_grad_input": f"dy, *, input_shape, kernel_size, {AVG}",
    "dense_forward": "x, w, b=None",
    "dense_grad_input": "dy, w",
    "dense_grad_weight": "dy, x",
    "dense_grad_bias": "dy",
    "flatten_forward": "x",
    "flatten_grad_input": "dy, *, input_shape",
    "relu_forward": "x",
    "relu_grad_input": "dy, y",
    "sigmoid_forward": "x",
    "sigmoid_grad_input": "dy, y",
    "tanh_forward": "x",
    "tanh_grad_input": "dy, y",
    "scaled_tanh_forward": f"x, *, {SCALED}",
    "scaled_tanh_grad_input": f"dy, y, *, {SCALED}",
    "softmax_cross_entropy_forward": "x, t",
    "softmax_cross_entropy_grad_input": "dy, t, h, z",
    "mean_squared_error_forward": "x, t",
    "mean_squared_error_grad_input": "dy, x, t",
}
CLASSES = {
    "Conv2D": f"in_channels, out_channels, kernel_size, *, {CONV}, bias=True, dtype=float32, rng=None",
    "MaxPool2D": f"kernel_size, *, {MAX}",
    "AvgPool2D": f"kernel_size, *, {AVG}",
    "Dense": "in_features, out_features, *, bias=True, dtype=float32, rng=None",
    "Flatten": "",
    "ReLU": "",
    "Sigmoid": "",
    "Tanh": "",
    "ScaledTanh": f"*, {SCALED}",
    "SoftmaxCrossEntropy": "",
    "MeanSquaredError": "",
}


def written(function: Callable[..., Any]) -> str:
    """Names, order, kinds and defaults of a signature, without annotations."""
    signature = inspect.signature(function)
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    text = str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))
    return text[1:-1].replace(str(np.float32), "float32")


def function_of(kernel: Kernel) -> Callable[..., Any]:
    module = importlib.import_module(f"gradscribe.generated.{kernel.layer.name}")
    found: Callable[..., Any] = getattr(module, kernel.name)
    return found


def test_every_function_and_class_has_a_contract() -> None:
    kernels = {k.name for name in LAYERS for k in first_order(layer(name))}
    assert set(SIGNATURES) < kernels == set(FUNCTIONS)
    classes = {layer(name).class_name for name in LAYERS}
    others = {f().class_name for f in OPTIMISERS.values()} | {f().class_name for f in NETWORKS.values()}
    after = {kernel.name for name in LAYERS if (kernel := evaluation(layer(name))) is not None}
    public = {
        n
        for name in LAYERS
        for n in vars(importlib.import_module(f"gradscribe.generated.{name}"))
        if n.startswith(name)
    }
    assert public == kernels | after
    updates = {name for build in OPTIMISERS.values() for name in generated._MODULES[build().name]}
    networks = {name for build in NETWORKS.values() for name in generated._MODULES[build().name]}
    assert set(CLASSES) < classes
    assert set(generated.__all__) == classes | public | others | updates | networks | {"Sequential", "settings"}


def test_no_signature_changes_unseen(golden: Callable[[str, str], None]) -> None:
    """All of them in one file to read: functions in the order of the catalogue, each layer's class last."""
    lines = []
    for name in LAYERS:
        found = layer(name)
        lines += [f"{k.name}({written(function_of(k))})" for k in first_order(found)]
        cls = getattr(generated, found.class_name)
        lines.append(f"{found.class_name}({written(cls)})")
        lines += [f"    {method.__name__}({written(method)})" for method in (cls.__call__, cls.backward)]
    golden("signatures.txt", "\n".join(lines) + "\n")


@together("name", SIGNATURES)
def test_the_signature_of_a_function(name: str) -> None:
    assert written(function_of(kernel(name))) == SIGNATURES[name]


@pytest.mark.parametrize("name", CLASSES)
def test_the_signature_of_a_class(name: str) -> None:
    assert written(getattr(generated, name)) == CLASSES[name]


@pytest.mark.parametrize("name", CLASSES)
def test_the_calls_of_a_class(name: str) -> None:
    cls = getattr(generated, name)
    loss = name in ("SoftmaxCrossEntropy", "MeanSquaredError")
    assert written(cls.__call__) == ("self, x, t" if loss else "self, x")
    assert written(cls.backward) == ("self, dy=1.0" if loss else "self, dy")


def test_defaults_that_are_equal_and_not_the_same_have_modules_of_their_own() -> None:
    layer = read("a = 0.5; y[i] = x[i] * a", "own")
    for zero in ("0.0", "-0.0"):
        own = replace(layer, options=tuple(replace(o, default=float(zero)) for o in layer.options))
        assert f"a: float = {zero})" in emitted(own).text


def test_sequential_takes_layers() -> None:
    assert written(generated.Sequential) == "*layers"


@together("name", TRIED)
def test_a_class_is_called_with_what_it_does_not_hold(name: str) -> None:
    found = layer(name)
    cls = getattr(generated, found.class_name)
    held = {*found.weights, *(state for state, _, _ in found.state)}
    given = [t for t in found.program.inputs if t.name not in held]
    called = inspect.signature(cls.__call__).parameters
    assert [(p, q.default is None) for p, q in called.items()][1:] == [(t.name, t.optional) for t in given]
    arrive = inspect.signature(cls.backward).parameters
    outputs = [t.name for t in found.outputs if not t.integer and not t.constant]
    assert set(arrive) - {"self"} == ({"dy"} if len(outputs) == 1 else {f"d{name}" for name in outputs})


@together("name", TRIED)
def test_every_parameter_is_described(name: str) -> None:
    for function in map(function_of, first_order(layer(name))):
        text = inspect.getdoc(function) or ""
        described = text.partition("Args:")[2].partition("\nReturns:")[0]
        end = ": " if described.startswith("\n") else ", "
        words = f" {' '.join(described.split())}"
        for parameter in inspect.signature(function).parameters:
            assert f" {parameter}{end}" in words, function.__name__


@pytest.mark.parametrize(
    ("name", "results"),
    [
        ("conv2d_forward", ("u",)),
        ("max_pool2d_forward", ("y", "argmax")),
        ("avg_pool2d_forward", ("y",)),
        ("softmax_cross_entropy_forward", ("y", "h", "z")),
        ("conv2d_grad_weight", ("dw",)),
        ("mean_squared_error_grad_input", ("dx",)),
    ],
)
def test_results(name: str, results: tuple[str, ...]) -> None:
    assert kernel(name).results == results


@together("name", TRIED)
def test_a_layer_has_one_gradient_per_differentiable_input(name: str) -> None:
    forward, *gradients = layer_kernels(name)
    assert forward.name == f"{name}_forward"
    assert forward.purpose is Purpose.FORWARD
    assert [k.name for k in gradients] == [f"{name}_grad_{role(n)}" for n in layer(name).differentiable]
    assert all(k.purpose is Purpose.GRADIENT for k in gradients)
    assert tuple(k.wrt for k in gradients) == tuple((n,) for n in layer(name).differentiable)


@together("name", TRIED)
def test_a_gradient_is_given_inputs_and_what_forward_returns(name: str) -> None:
    forward, *gradients = layer_kernels(name)
    for found in gradients:
        seeds = [seed for seed, _ in found.seeds]
        known = {t.name for t in forward.arguments} | set(forward.results) | set(seeds)
        names = [t.name for t in found.arguments]
        assert set(names) <= known, found.name
        assert found.purpose is Purpose.GRADIENT, found.name
        assert {output for _, output in found.seeds} <= set(forward.results), found.name
        first = [seed for seed in seeds if seed in names]
        assert names[: len(first)] == first, found.name
        assert first, found.name


@pytest.mark.parametrize("name", ["avg_pool2d", "flatten", "conv2d"])
def test_what_the_arrays_do_not_tell_is_asked_for_as_a_shape(name: str) -> None:
    assert [t.name for t in kernel(f"{name}_grad_input").shaped] == ["x"]
    assert kernel(f"{name}_forward").shaped == ()


def test_intermediates_that_depend_on_sizes_only_are_computed_again() -> None:
    gradient = kernel("avg_pool2d_grad_input")
    assert [t.name for t in gradient.arguments] == ["dy"]
    assert {s.target.name for s in gradient.program.statements} >= {"a_h", "a_w"}


def test_roles_are_names_of_arguments() -> None:
    assert [role(n) for n in ("x", "w", "b", "gamma")] == ["input", "weight", "bias", "gamma"]
