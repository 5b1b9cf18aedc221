"""What tests of adapted modules share: tensors, and a network of layers."""

from typing import Any

import numpy as np
import pytest

from gradscribe import generated as g

torch = pytest.importorskip("torch")

F64: dict[str, Any] = {"dtype": np.float64}
Tensor = Any


def randn(*shape: int, seed: int = 0, dtype: Any = None) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).to(dtype or torch.float64)


def net(seed: int = 0, **options: Any) -> Any:
    options = {**F64, **options}
    return g.Sequential(
        g.Conv2D(1, 4, 3, padding=1, rng=seed, **options), g.BatchNorm(4, **options), g.Tanh(), g.MaxPool2D(2),
        g.Flatten(), g.Dense(64, 5, rng=seed, **options),
    )  # fmt: skip
