"""Generated networks against PyTorch: forward, every gradient, running statistics, the loss; float64."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradscribe.codegen.driver import compile_layer
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.catalogue.networks.lenet5_data import BITMAPS, TABLE
from gradscribe.derive.composition import concrete
from tests.cases.thorough import some

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle

if True:  # PyTorch is there
    from tests.oracles import torch_networks

MODULES: dict[str, Callable[[], Any]] = {
    "lenet": torch_networks.LeNet,
    "lenet5": lambda: torch_networks.LeNet5(np.array(TABLE), np.array(BITMAPS)),
    "vgg11": torch_networks.VGG11,
    "resnet20": torch_networks.ResNet20,
    "bottleneck": torch_networks.Bottleneck,
}


def built(name: str) -> tuple[Any, np.ndarray]:
    """The generated network with weights that keep values moderate, and a batch."""
    network = NETWORKS[name]()
    instance = getattr(compile_layer(network), network.class_name)(dtype=np.float64, rng=3)
    rng = np.random.default_rng(0)
    for key, weight in instance.params.items():
        if key.endswith(("gamma", "beta", ".b")):
            weight += rng.normal(size=weight.shape) * 0.3
    shape = [4 if not e.is_Integer else int(e) for e in concrete(network).given[0].shape]
    return instance, rng.normal(size=shape)


@pytest.mark.parametrize("name", some(sorted(MODULES), 2, first=1))
def test_forward_and_every_gradient(name: str) -> None:
    network, x = built(name)
    module: Any = torch_networks.load(MODULES[name](), network)
    there: Any = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    expected = module(there)
    rng = np.random.default_rng(1)
    for _ in range(2):  # the second time in memory that has been used
        y = network(x)
    own = y.transpose(0, 3, 1, 2) if y.ndim == 4 else y
    np.testing.assert_allclose(own, expected.detach().numpy(), rtol=1e-9, atol=1e-9)
    if hasattr(module, "loss"):
        labels = rng.integers(0, 10, len(x))
        value = network.loss(y, labels)
        loss = module.loss(expected, torch.tensor(labels))
        assert abs(value - loss.item()) <= 1e-9 * max(1, abs(value))
        assert network.backward() is None
        loss.backward(retain_graph=True)
        compare(network, module)
        module.zero_grad()
        there.grad = None
    dy = rng.normal(size=y.shape)
    dx = network.backward(dy)
    seed = dy.transpose(0, 3, 1, 2) if dy.ndim == 4 else dy
    expected.backward(torch.tensor(np.ascontiguousarray(seed)))
    compare(network, module)
    assert there.grad is not None
    assert relative(dx.transpose(0, 3, 1, 2), there.grad.numpy()) <= 1e-9


def compare(network: Any, module: Any) -> None:
    assert set(network.grads) == set(network.params)
    for (key, own), other in zip(network.grads.items(), torch_networks.in_order(module, network), strict=True):
        assert relative(torch_networks.to_torch(own, network.flattened.get(key)), other.grad.numpy()) <= 1e-9, key


def relative(a: np.ndarray, b: np.ndarray) -> float:
    assert a.shape == b.shape
    return float(np.abs(a - b).max() / max(1.0, np.abs(b).max()))


@pytest.mark.parametrize("name", ["resnet20", "bottleneck"])
def test_running_statistics_and_evaluation(name: str) -> None:
    network, x = built(name)
    module = torch_networks.load(MODULES[name](), network)
    there = torch.tensor(x.transpose(0, 3, 1, 2))
    for _ in range(3):
        network(x)
        module(there)
    module.eval()
    expected = module(there).detach().numpy()
    found = network.predict(x)
    found = found.transpose(0, 3, 1, 2) if found.ndim == 4 else found
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
