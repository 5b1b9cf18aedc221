"""Networks as modules of PyTorch: several outputs, integers among them, shared weights, recurrences; their weights."""

from typing import Any

import numpy as np
import pytest

from gradscribe import generated as g
from gradscribe.adapters import from_torch, to_torch
from tests.cases.wired_networks import TEXTS, built, inputs

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle

if True:  # PyTorch is there
    from gradscribe.adapters.torch import as_module


def tensors(name: str) -> list[Any]:
    return [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs(name)]


def real(outputs: Any) -> list[Any]:
    found = outputs if isinstance(outputs, tuple) else (outputs,)
    return [y for y in found if y.is_floating_point()]


@pytest.mark.parametrize("name", TEXTS)
def test_outputs_and_gradients_are_those_of_the_network(name: str) -> None:
    module, other, x = as_module(built(name)), built(name), tensors(name)
    found, expected = module(*x), other(*inputs(name))
    pairs = zip(found, expected, strict=True) if isinstance(expected, tuple) else [(found, expected)]
    for one, own in pairs:
        np.testing.assert_array_equal(one.detach(), own)
    outputs = real(found)
    torch.autograd.backward(outputs[-1:], [torch.ones_like(outputs[-1])])  # of several outputs one is used
    other.backward(*(np.ones(y.shape) if y is outputs[-1] else np.zeros(y.shape) for y in outputs))
    for key, weight in module.named_parameters():
        np.testing.assert_allclose(weight.grad, other.grads[key], 1e-12, 1e-14, err_msg=key)
    for key, held in module.named_buffers():
        np.testing.assert_array_equal(held, other.state[key], err_msg=key)
    predicted, evaluated = other.predict(*inputs(name)), module.eval()(*x)
    pairs = zip(evaluated, predicted, strict=True) if isinstance(predicted, tuple) else [(evaluated, predicted)]
    for one, own in pairs:
        np.testing.assert_array_equal(one.detach(), own)


@pytest.mark.parametrize("name", ["several", "places", "memories"])
def test_first_and_second_derivatives(name: str) -> None:
    module = as_module(built(name, order=2))
    x = tuple(t.detach().requires_grad_() for t in tensors(name))
    assert torch.autograd.gradcheck(lambda *x: tuple(real(module(*x))), x, fast_mode=True)
    assert torch.autograd.gradgradcheck(lambda *x: tuple(real(module(*x))), x, fast_mode=True)


def test_the_tagger_has_the_weights_of_pytorchs() -> None:
    torch.manual_seed(0)
    parts = {
        "embed": torch.nn.Embedding(1000, 32),
        "states": torch.nn.LSTM(32, 32, bidirectional=True, batch_first=True),
        "output": torch.nn.Linear(64, 17),
    }
    theirs, ours = torch.nn.ModuleDict(parts).double(), g.Tagger(dtype=np.float64, rng=0)
    words = np.random.default_rng(0).integers(0, 1000, (3, 7))

    def tagged() -> Any:
        states, _ = theirs["states"](theirs["embed"](torch.tensor(words)))
        return theirs["output"](states).detach()

    from_torch(ours, theirs.state_dict())
    np.testing.assert_allclose(ours(words), tagged(), 1e-9, 1e-12)
    other = g.Tagger(dtype=np.float64, rng=5)
    theirs.load_state_dict({key: torch.tensor(array) for key, array in to_torch(other).items()})
    np.testing.assert_allclose(other(words), tagged(), 1e-9, 1e-12)
