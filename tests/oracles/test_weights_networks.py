"""Networks of PyTorch and ours with each other's weights, by name: the same outputs in training and in evaluation."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from gradscribe import generated as g
from gradscribe.adapters import from_torch, to_torch
from gradscribe.adapters.named import weights

torch = pytest.importorskip("torch")

if True:  # PyTorch is there
    from tests.oracles import torch_networks

pytestmark = pytest.mark.oracle


def by_stage() -> dict[str, str]:
    """Our names say stage and block, theirs the number of the block."""
    parts = [(f"conv{k}", f"conv{k}") for k in (1, 2)] + [(f"norm{k}", f"bn{k}") for k in (1, 2)]
    places = [(f"stage{b // 3 + 1}_block{b % 3 + 1}", f"blocks.{b}") for b in range(9)]
    inner = {f"{ours}_{a}": f"{theirs}.{b}" for ours, theirs in places for a, b in parts}
    return {"conv1": "conv1", "norm1": "bn1", **inner, "output": "fc"}


def in_stages() -> dict[str, str]:
    """Our names say stage and convolution, theirs count what stands in a row."""
    ours = [f"stage{s}_conv{k}" for s, several in enumerate((1, 1, 2, 2, 2), 1) for k in range(1, several + 1)]
    theirs = [f"features.{k}" for k in (0, 3, 6, 8, 11, 13, 16, 18)]
    return {**dict(zip(ours, theirs, strict=True)), "output": "fc"}


NETWORKS: dict[str, tuple[Callable[..., Any], Callable[[], Any], Mapping[str, str], tuple[int, ...]]] = {
    "lenet": (g.LeNet, torch_networks.LeNet, {}, (2, 32, 32, 1)),
    "vgg11": (
        g.VGG11, torch_networks.VGG11,
        in_stages(), (1, 32, 32, 3),
    ),
    "resnet20": (
        g.ResNet20, torch_networks.ResNet20,
        by_stage(), (2, 32, 32, 3),
    ),
    "bottleneck": (
        g.Bottleneck, torch_networks.Bottleneck,
        {"conv1": "conv1", "conv2": "conv2", "conv3": "conv3", "project": "project"}
        | {f"norm{k}": f"bn{k}" for k in (1, 2, 3, 4)}, (2, 4, 4, 64),
    ),
}  # fmt: skip


def scrambled(module: Any) -> Any:
    """The module in float64, running statistics, scales and shifts moved."""
    generator = torch.Generator().manual_seed(3)
    for tensor in module.double().state_dict().values():
        if tensor.is_floating_point() and tensor.ndim == 1:
            tensor.add_(0.3 * torch.rand(tensor.shape, generator=generator, dtype=torch.float64))
    return module


def last(y: Any) -> Any:
    return y.detach().movedim(1, -1).numpy()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_outputs_with_the_weights_of_either(name: str) -> None:
    cls, module, names, shape = NETWORKS[name]
    torch.manual_seed(0)
    ours, theirs = cls(dtype=np.float64, rng=0), scrambled(module())
    x = np.random.default_rng(1).normal(size=shape)
    there = torch.from_numpy(np.moveaxis(x, -1, 1).copy())
    from_torch(ours, theirs.state_dict(), names)
    np.testing.assert_allclose(ours.predict(x), last(theirs.eval()(there)), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ours(x), last(theirs.train()(there)), rtol=1e-9, atol=1e-9)

    other = cls(dtype=np.float64, rng=5)
    found = to_torch(other, names)
    theirs.load_state_dict({key: torch.from_numpy(array) for key, array in found.items()})
    np.testing.assert_allclose(other.predict(x), last(theirs.eval()(there)), rtol=1e-9, atol=1e-9)
    from_torch(ours, found, names)
    assert all(np.array_equal(a.array, b.array) for a, b in zip(weights(ours), weights(other), strict=True))
