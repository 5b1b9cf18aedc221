"""codegen/kernel.py: what each generated function and class is given and returns; the signatures that users rely on."""

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import generated
from codegen.kernel import Kernel, evaluation, role
from derive.layers import LAYERS
from derive.networks import NETWORKS
from derive.optimisers import OPTIMISERS
from tests.catalogue import layer, layer_kernels

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
LAYER = {name: layer(name) for name in LAYERS}
KERNELS = {k.name: k for name in LAYERS for k in layer_kernels(name)}
CLASS_NAMES = {found.class_name: found for found in LAYER.values()}
OTHERS = {
    "Sequential",
    "settings",
    *(f().class_name for f in OPTIMISERS.values()),
    *(f().class_name for f in NETWORKS.values()),
}


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
    assert set(SIGNATURES) < set(KERNELS)
    assert set(CLASSES) < set(CLASS_NAMES) == set(generated.__all__) - OTHERS
    public = {n for name in LAYERS for n in vars(importlib.import_module(f"generated.{name}")) if n.startswith(name)}
    after = {kernel.name for name in LAYERS if (kernel := evaluation(LAYERS[name]())) is not None}
    assert public == set(KERNELS) | after


def test_no_signature_changes_unseen(golden: Callable[[str, str], None]) -> None:
    """All of them in one file to read: functions in the order of the catalogue, each layer's class last."""
    lines = []
    for name, found in LAYER.items():
        lines += [f"{k.name}({written(function_of(k))})" for k in layer_kernels(name)]
        cls = getattr(generated, found.class_name)
        lines.append(f"{found.class_name}({written(cls)})")
        lines += [f"    {method.__name__}({written(method)})" for method in (cls.__call__, cls.backward)]
    golden("signatures.txt", "\n".join(lines) + "\n")


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


@pytest.mark.parametrize("name", CLASS_NAMES)
def test_a_class_is_called_with_what_it_does_not_hold(name: str) -> None:
    found = CLASS_NAMES[name]
    held = {*found.weights, *(state for state, _, _ in found.state)}
    given = [t for t in found.program.inputs if t.name not in held]
    called = inspect.signature(getattr(generated, name).__call__).parameters
    assert [(p, q.default is None) for p, q in called.items()][1:] == [(t.name, t.optional) for t in given]
    arrive = inspect.signature(getattr(generated, name).backward).parameters
    outputs = [t.name for t in found.outputs if not t.integer and not t.constant]
    assert set(arrive) - {"self"} == ({"dy"} if len(outputs) == 1 else {f"d{name}" for name in outputs})


@pytest.mark.parametrize("name", KERNELS)
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
    forward, *gradients = layer_kernels(name)
    assert forward.name == f"{name}_forward"
    assert not forward.is_gradient
    assert [k.name for k in gradients] == [f"{name}_grad_{role(n)}" for n in LAYER[name].differentiable]
    assert all(k.is_gradient for k in gradients)


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=lambda k: k.name)
def test_a_gradient_is_given_inputs_and_what_forward_returns(kernel: Kernel) -> None:
    forward = KERNELS[f"{kernel.layer.name}_forward"]
    seeds = [seed for seed, _ in kernel.seeds]
    known = {t.name for t in forward.arguments} | set(forward.results) | set(seeds)
    names = [t.name for t in kernel.arguments]
    assert set(names) <= known
    if kernel.is_gradient:
        assert {output for _, output in kernel.seeds} <= set(forward.results)
        first = [name for name in seeds if name in names]
        assert names[: len(first)] == first
        assert first


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
