"""An equation text beside the same layer in PyTorch's own operations: values and all gradients."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import gradscribe

torch = pytest.importorskip("torch")


@dataclass(frozen=True)
class Case:
    """An equation, the same in PyTorch, the shapes of its inputs ("labels below K" for an integer one), options."""

    text: str
    function: Callable[..., Any]
    shapes: tuple[Any, ...]
    options: tuple[tuple[str, Any], ...] = ()
    positive: bool = False


def compare(case: Case, name: str) -> None:
    """Compare the outputs, and the gradients by all inputs, with PyTorch's."""
    layer = gradscribe.layer(case.text, name)
    module = layer.compile()
    rng = np.random.default_rng(sum(map(ord, name)))
    values = []
    for tensor, shape in zip(layer.program.inputs, case.shapes, strict=True):
        if tensor.integer:
            values.append(rng.integers(0, shape[1], shape[0]))
        else:
            values.append(np.abs(rng.normal(size=shape)) + 0.1 if case.positive else rng.normal(size=shape))
    given = [torch.tensor(v, requires_grad=v.dtype.kind == "f") for v in values]
    expected = case.function(*given)
    expected = expected if isinstance(expected, tuple) else (expected,)
    options = dict(case.options)
    found = getattr(module, f"{name}_forward")(*values, **options)
    found = found if isinstance(found, tuple) else (found,)
    seeds = [rng.normal(size=tuple(e.shape)) for e in expected]
    torch.autograd.backward(expected, [torch.tensor(s) for s in seeds])
    for mine, theirs in zip(found, expected, strict=False):
        np.testing.assert_allclose(mine, theirs.detach(), rtol=1e-9, atol=1e-9)
    instance = getattr(module, layer.class_name)(**options)
    instance(*values)
    gradients = instance.backward(*seeds)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    wanted = [g for g in given if g.requires_grad]
    assert len(gradients) == len(wanted)
    for mine, theirs in zip(gradients, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs.grad, rtol=1e-9, atol=1e-9)
