"""The shipped networks, written by hand in PyTorch: the oracle of the generated ones.

Images are channels first here. `load` copies the weights of a generated network into the module of the same structure.
"""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c1, self.c3 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        self.f5, self.f6, self.output = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.max_pool2d(torch.tanh(self.c1(x)), 2)
        x = functional.max_pool2d(torch.tanh(self.c3(x)), 2).flatten(1)
        return self.output(torch.tanh(self.f6(torch.tanh(self.f5(x)))))

    @staticmethod
    def loss(y: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(y, t)


def squash(u: torch.Tensor) -> torch.Tensor:
    return 1.7159 * torch.tanh(2 * u / 3)


class Subsampling(nn.Module):
    """LeNet-5's S2 and S4: the sum of 2x2 pixels, times a weight, plus a bias, squashed."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.zeros(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total = 4 * functional.avg_pool2d(x, 2)
        return squash(self.a[:, None, None] * total + self.b[:, None, None])


class LeNet5(nn.Module):
    """As published: the table masks C3's weights, the codes are fixed."""

    def __init__(self, table: np.ndarray, codes: np.ndarray) -> None:
        super().__init__()
        self.c1, self.c3, self.c5 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5), nn.Conv2d(16, 120, 5)
        self.s2, self.s4, self.f6 = Subsampling(6), Subsampling(16), nn.Linear(120, 84)
        self.table = torch.tensor(table.T[:, :, None, None], dtype=torch.float64)
        self.codes = torch.tensor(codes, dtype=torch.float64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.s2(squash(self.c1(x)))
        x = self.s4(squash(functional.conv2d(x, self.c3.weight * self.table, self.c3.bias)))
        x = squash(self.f6(squash(self.c5(x)).flatten(1)))
        return ((x[:, None, :] - self.codes) ** 2).sum(-1)

    @staticmethod
    def loss(y: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Eq. 9 of the paper with j = 1."""
        rubbish = torch.full((len(y), 1), -1.0, dtype=y.dtype)
        return (y.gather(1, t[:, None])[:, 0] + torch.logsumexp(torch.cat([-y, rubbish], 1), 1)).mean()


class Block(nn.Module):
    def __init__(self, before: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, channels, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.more = channels - before

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        if self.more:
            half = self.more // 2
            x = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, half, half))
        return functional.relu(y + x)


class ResNet20(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        sizes = [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2
        self.blocks = nn.Sequential(*(Block(*s) for s in sizes))
        self.fc = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(functional.relu(self.bn1(self.conv1(x))))
        return self.fc(x.mean((2, 3)))

    loss = staticmethod(LeNet.loss)


class VGG11(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        before = 3
        for size in (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0):
            parts += [nn.Conv2d(before, size, 3, padding=1), nn.ReLU()] if size else [nn.MaxPool2d(2)]
            before = size or before
        self.features, self.fc = nn.Sequential(*parts), nn.Linear(512, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.features(x).flatten(1))

    loss = staticmethod(LeNet.loss)


class Bottleneck(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(64, 64, 1, bias=False), nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.conv3, self.project = nn.Conv2d(64, 256, 1, bias=False), nn.Conv2d(64, 256, 1, bias=False)
        self.bn1, self.bn2, self.bn3, self.bn4 = (nn.BatchNorm2d(n) for n in (64, 64, 256, 256))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(functional.relu(self.bn2(self.conv2(y)))))
        return functional.relu(y + self.bn4(self.project(x)))


def to_torch(weight: np.ndarray, image: tuple[int, ...] | None = None) -> np.ndarray:
    """A weight in PyTorch's layout; the rows of a dense layer behind an (H, W, C) image in the order C, H, W."""
    if weight.ndim == 4:
        return weight.transpose(3, 2, 0, 1)
    if weight.ndim == 2:
        rows = weight if image is None else weight.reshape(*image, -1).transpose(2, 0, 1, 3).reshape(weight.shape)
        return rows.T
    return weight


def load(module: nn.Module, network: Any) -> nn.Module:
    """Give `module` the weights of the generated `network`: both hold them in the order of the layers."""
    module.double()
    values = [to_torch(w, network.flattened.get(name)) for name, w in network.params.items()]
    parameters = list(in_order(module, network))
    assert [tuple(p.shape) for p in parameters] == [v.shape for v in values]
    with torch.no_grad():
        for parameter, value in zip(parameters, values, strict=True):
            parameter.copy_(torch.tensor(np.ascontiguousarray(value)))
    return module


def in_order(module: nn.Module, network: Any) -> list[nn.Parameter]:
    """The parameters of the module as the network names them, by layer."""
    if isinstance(module, LeNet | LeNet5):
        named = dict(module.named_parameters())
        words = {"w": "weight", "b": "bias"}
        flat = isinstance(module, LeNet5)
        keys = [(k.split(".")[0], k.split(".")[1]) for k in network.params]
        return [named[f"{n}.{w if flat and n in ('s2', 's4') else words[w]}"] for n, w in keys]
    pairs: list[nn.Parameter] = []
    for part in _layers(module):
        pairs += list(part.parameters())
    return pairs


def _layers(module: nn.Module) -> list[nn.Module]:
    """Layers with weights in the order in which they are applied."""
    if isinstance(module, Block):
        return [module.conv1, module.bn1, module.conv2, module.bn2]
    if isinstance(module, Bottleneck):
        own = [module.conv1, module.bn1, module.conv2, module.bn2, module.conv3, module.bn3]
        return [*own, module.project, module.bn4]
    children = list(module.children())
    return [leaf for child in children for leaf in _layers(child)] if children else [module]
