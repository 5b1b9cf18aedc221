"""A layer of the catalogue, compiled, beside PyTorch's automatic differentiation of a function with its meaning."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from gradscribe.codegen.driver import compile_layer
from gradscribe.derive.catalogue.layers import LAYERS

Array = np.ndarray


@cache
def module(name: str) -> ModuleType:
    """The layer's module, compiled once."""
    return compile_layer(LAYERS[name]())


def built(name: str, *sizes: int, **options: Any) -> Any:
    """An object of the layer's class."""
    return getattr(module(name), LAYERS[name]().class_name)(*sizes, **options)


def with_weights(name: str, sizes: Sequence[int], weights: Mapping[str, Array], **options: Any) -> Any:
    """An object of the layer's class with weights of one's own; those that are left out are absent."""
    layer = built(name, *sizes, **options)
    assert set(layer.params) >= set(weights)
    layer.params = dict(weights)
    return layer


def compare(
    layer: Any,
    inputs: Sequence[Array],
    reference: Callable[..., Any],
    rng: np.random.Generator,
    tolerance: float = 1e-9,
) -> None:
    """Compare outputs and all gradients with autograd of `reference`, which takes the inputs, then the weights.

    Args:
        layer: an object of a layer's class.
        inputs: what a call takes; gradients of the real ones that autograd has are compared.
        reference: the same in PyTorch, a tensor or a tuple of tensors.
        rng: for the gradients that arrive.
        tolerance: of the differences, relative to the greatest element.
    """
    torch = pytest.importorskip("torch")

    tensors = [torch.tensor(np.asarray(a), requires_grad=np.asarray(a).dtype.kind == "f") for a in inputs]
    weights = {n: torch.tensor(w, requires_grad=True) for n, w in layer.params.items()}
    expected = reference(*tensors, **weights)
    outputs = expected if isinstance(expected, tuple) else (expected,)
    found = layer(*inputs)
    seeds = [np.asarray(rng.normal(size=tuple(o.shape))) for o in outputs]
    for ours, theirs in zip(found if isinstance(expected, tuple) else (found,), outputs, strict=True):
        close(ours, theirs, tolerance)
    torch.autograd.backward(outputs, [torch.tensor(s) for s in seeds])
    gradients = layer.backward(*seeds)
    gradients = gradients if isinstance(gradients, tuple) else () if gradients is None else (gradients,)
    real = [t for t in tensors if t.requires_grad]
    for ours, theirs in zip(gradients, real, strict=False):  # targets and class weights come last and have none
        close(ours, torch.zeros_like(theirs) if theirs.grad is None else theirs.grad, tolerance)
    assert len(gradients) == len(LAYERS[layer_name(layer)]().differentiable) - len(LAYERS[layer_name(layer)]().weights)
    for name, weight in weights.items():
        close(layer.grads[name], weight.grad, tolerance)


def layer_name(layer: Any) -> str:
    """The name of the layer that an object belongs to."""
    return type(layer).__module__.rpartition(".")[2]


def close(ours: Any, theirs: Any, tolerance: float) -> None:
    """Shapes and elements; NaN and infinity must be in the same places."""
    wanted, got = theirs.detach().numpy(), np.asarray(ours)
    assert got.shape == wanted.shape
    assert got.dtype == wanted.dtype
    finite = np.isfinite(wanted)
    np.testing.assert_array_equal(got[~finite], wanted[~finite])
    scale = max(1.0, np.abs(wanted[finite]).max(initial=0.0))
    assert np.abs(got[finite] - wanted[finite]).max(initial=0.0) <= tolerance * scale
