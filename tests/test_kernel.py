"""codegen/kernel.py: what each generated function and class is given and returns; the signatures that users rely on."""

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import generated
from codegen.kernel import Kernel, kernels, role
from derive.layers import LAYERS

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
KERNELS = {k.name: k for build in LAYERS.values() for k in kernels(build())}


def written(function: Callable[..., Any]) -> str:
    """Names, order, kinds and defaults of a signature, without annotations."""
    signature = inspect.signature(function)
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    text = str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))
    return text[1:-1].replace(str(np.float32), "float32")


def function_of(kernel: Kernel) -> Callable[..., Any]:
    module = importlib.import_module(f"generated.{kernel.layer.name}")
    found: Callable[..., Any] = getattr(module, kernel.name)
    return found


def test_every_function_and_class_has_a_contract() -> None:
    assert set(KERNELS) == set(SIGNATURES)
    assert set(CLASSES) == set(generated.__all__) - {"Sequential"}
    public = {n for name in LAYERS for n in vars(importlib.import_module(f"generated.{name}")) if n.startswith(name)}
    assert public == set(SIGNATURES)


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_signature_of_a_function(name: str) -> None:
    assert written(function_of(KERNELS[name])) == SIGNATURES[name]


@pytest.mark.parametrize("name", CLASSES)
def test_the_signature_of_a_class(name: str) -> None:
    assert written(getattr(generated, name)) == CLASSES[name]


@pytest.mark.parametrize("name", CLASSES)
def test_the_calls_of_a_class(name: str) -> None:
    cls = getattr(generated, name)
    loss = name in ("SoftmaxCrossEntropy", "MeanSquaredError")
    assert written(cls.__call__) == ("self, x, t" if loss else "self, x")
    assert written(cls.backward) == ("self, dy=1.0" if loss else "self, dy")


def test_sequential_takes_layers() -> None:
    assert written(generated.Sequential) == "*layers"


@pytest.mark.parametrize("name", SIGNATURES)
def test_every_parameter_is_described(name: str) -> None:
    function = function_of(KERNELS[name])
    text = inspect.getdoc(function) or ""
    described = text.partition("Args:\n")[2].partition("\nReturns:")[0]
    for parameter in inspect.signature(function).parameters:
        assert f"    {parameter}: " in described


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
    assert KERNELS[name].results == results


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_has_one_gradient_per_differentiable_input(name: str) -> None:
    layer = LAYERS[name]()
    forward, *gradients = kernels(layer)
    assert forward.name == f"{name}_forward"
    assert not forward.is_gradient
    assert [k.name for k in gradients] == [f"{name}_grad_{role(n)}" for n in layer.differentiable]
    assert all(k.is_gradient for k in gradients)


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=lambda k: k.name)
def test_a_gradient_is_given_inputs_and_what_forward_returns(kernel: Kernel) -> None:
    forward = KERNELS[f"{kernel.layer.name}_forward"]
    known = {t.name for t in forward.arguments} | set(forward.results) | {"dy"}
    assert {t.name for t in kernel.arguments} <= known
    if kernel.is_gradient:
        assert kernel.arguments[0].name == "dy"


@pytest.mark.parametrize("name", ["avg_pool2d", "flatten", "conv2d"])
def test_what_the_arrays_do_not_tell_is_asked_for_as_a_shape(name: str) -> None:
    assert [t.name for t in KERNELS[f"{name}_grad_input"].shaped] == ["x"]
    assert KERNELS[f"{name}_forward"].shaped == ()


def test_intermediates_that_depend_on_sizes_only_are_computed_again() -> None:
    gradient = KERNELS["avg_pool2d_grad_input"]
    assert [t.name for t in gradient.arguments] == ["dy"]
    assert {s.target.name for s in gradient.program.statements} >= {"a_h", "a_w"}


def test_roles_are_names_of_arguments() -> None:
    assert [role(n) for n in ("x", "w", "b", "gamma")] == ["input", "weight", "bias", "gamma"]
