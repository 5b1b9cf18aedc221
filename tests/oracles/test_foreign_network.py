"""A network that PyTorch built and trained on digits predicts the same when its weights are taken over."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradscribe import generated as g
from gradscribe.adapters import from_torch, load, save, to_torch
from idx import read_mnist

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.oracle

Array = Any
MNIST = os.environ.get("GRADSCRIBE_MNIST")
NAMES = {"0": "c1", "3": "c3", "7": "f5", "9": "f6"}


Module: Any = torch.nn.Module


class Foreign(Module):
    """Two convolutions and two dense layers, written as PyTorch's users write them."""

    def __init__(self, side: int) -> None:
        super().__init__()
        nn = torch.nn
        self.c1 = nn.Conv2d(1, 6, 5 if side > 8 else 3, padding=1)
        self.c3 = nn.Conv2d(6, 12, 3, stride=1, padding=1)
        self.f5 = nn.LazyLinear(32)
        self.f6 = nn.Linear(32, 10)

    def forward(self, x: Any) -> Any:
        functional = torch.nn.functional
        x = functional.max_pool2d(functional.relu(self.c1(x)), 2)
        x = functional.max_pool2d(functional.relu(self.c3(x)), 2)
        return self.f6(functional.relu(self.f5(torch.flatten(x, 1))))


def images() -> tuple[Array, Array, Array, Array]:
    """Images (N, 1, H, W) and labels to train on, and to test with: MNIST's 10,000, or all of scikit-learn's digits."""
    if MNIST is not None:
        (train, labels), (test, test_labels) = (read_mnist(Path(MNIST), part) for part in ("train", "t10k"))
        pixels = [(a / np.float32(255)).astype(np.float32)[:, None] for a in (train[:12000], test)]
        return pixels[0], labels[:12000].astype(np.int64), pixels[1], test_labels.astype(np.int64)
    datasets = pytest.importorskip("sklearn.datasets")
    digits, labels = datasets.load_digits(return_X_y=True)
    pixels = (digits.reshape(-1, 1, 8, 8) / 16).astype(np.float32)
    return pixels, labels, pixels, labels


@pytest.fixture(scope="module")
def trained() -> Iterator[tuple[Any, Array, Array]]:
    """The network, and the images and labels to test with."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    train, labels, test, test_labels = images()
    network = Foreign(train.shape[-1])
    x, t = torch.from_numpy(train), torch.from_numpy(labels)
    network(x[:2])
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(1 if MNIST else 12):
        for batch in torch.randperm(len(x)).split(64):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(network(x[batch]), t[batch]).backward()
            optimiser.step()
    yield network.eval(), test, test_labels
    torch.set_num_threads(before)


def ours(side: int, dtype: Any) -> Any:
    options = {"dtype": dtype, "rng": 0}
    kernel = 5 if side > 8 else 3
    after = ((side + 2 - kernel + 1) // 2) // 2
    return g.Sequential(
        g.Conv2D(1, 6, kernel, padding=1, **options), g.ReLU(), g.MaxPool2D(2),
        g.Conv2D(6, 12, 3, padding=1, **options), g.ReLU(), g.MaxPool2D(2),
        g.Flatten(), g.Dense(after * after * 12, 32, **options), g.ReLU(), g.Dense(32, 10, **options),
    )  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_same_predictions_for_every_image(trained: tuple[Any, Array, Array], dtype: Any, tmp_path: Path) -> None:
    network, test, labels = trained
    side = test.shape[-1]
    x = np.ascontiguousarray(np.moveaxis(test, 1, -1)).astype(dtype)
    with torch.no_grad():
        foreign = network.double()(torch.from_numpy(test).double()).numpy()
    assert np.mean(foreign.argmax(1) == labels) > 0.9  # it has learned something

    net = ours(side, dtype)
    assert np.mean(net(x[:500]).argmax(1) == foreign[:500].argmax(1)) < 0.5  # and ours, before, has not
    from_torch(net, network.state_dict(), NAMES)
    logits = np.concatenate([net(part) for part in np.array_split(x, 10)])
    tolerance = 1e-10 if dtype is np.float64 else 1e-4
    np.testing.assert_allclose(logits, foreign, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(logits.argmax(1), foreign.argmax(1))

    save(net, tmp_path / "digits.safetensors")
    again = ours(side, dtype)
    load(again, tmp_path / "digits.safetensors")
    assert again(x[:50]).tobytes() == net(x[:50]).tobytes()


def test_and_back(trained: tuple[Any, Array, Array]) -> None:
    _, test, _ = trained
    side = test.shape[-1]
    net = ours(side, np.float64)
    x = np.moveaxis(test[:20], 1, -1).astype(np.float64)
    logits = net(x)
    other = Foreign(side).double()
    other(torch.from_numpy(test[:2]).double())
    other.load_state_dict({name: torch.from_numpy(a) for name, a in to_torch(net, NAMES).items()})
    with torch.no_grad():
        np.testing.assert_allclose(other(torch.from_numpy(test[:20]).double()).numpy(), logits, rtol=1e-9, atol=1e-12)


def test_rows_that_are_not_rearranged_predict_something_else(trained: tuple[Any, Array, Array]) -> None:
    network, test, _ = trained
    net = ours(test.shape[-1], np.float64)
    x = np.moveaxis(test, 1, -1)[:200].astype(np.float64)
    from_torch(net, network.state_dict(), NAMES, flattened={})
    with torch.no_grad():
        foreign = network.double()(torch.from_numpy(test[:200]).double()).numpy()
    assert np.mean(net(x).argmax(1) == foreign.argmax(1)) < 0.9
