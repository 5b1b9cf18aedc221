"""What a process of test_data_parallel.py does: its share of every batch, the gradients averaged by PyTorch."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from gradscribe import generated as g
from gradscribe.adapters import save

STEPS = 5
BATCH = 8
TIMEOUT = timedelta(seconds=60)


def network(seed: int) -> Any:
    """Images (N, 8, 8, 1) in, three logits out, in float64."""
    options: dict[str, Any] = {"dtype": np.float64, "rng": seed}
    return g.Sequential(
        g.Conv2D(1, 4, 3, padding=1, **options), g.Tanh(), g.MaxPool2D(2),
        g.Conv2D(4, 4, 3, stride=2, **options), g.ReLU(), g.Flatten(), g.Dense(4, 3, **options),
    )  # fmt: skip


def batches() -> list[tuple[Any, Any]]:
    """Images and labels of every step, the same in all processes."""
    rng = np.random.default_rng(7)
    return [(rng.normal(size=(BATCH, 8, 8, 1)), rng.integers(0, 3, BATCH)) for _ in range(STEPS)]


def process(rank: int, processes: int, folder: str) -> None:
    """Train as one of several processes. The model is gone before the group is, and all leave together."""
    from torch import distributed

    where = (Path(folder) / "store").as_uri()
    distributed.init_process_group("gloo", init_method=where, rank=rank, world_size=processes, timeout=TIMEOUT)
    train(rank, processes, folder)
    distributed.barrier()
    distributed.destroy_process_group()


def train(rank: int, processes: int, folder: str) -> None:
    """Train, and save the weights as `weights{rank}.safetensors`; process 0 alone knows the first weights."""
    import torch

    from gradscribe.adapters.torch import as_module

    torch.set_num_threads(1)
    layers = network(seed=rank)
    model, loss = as_module(layers), as_module(g.SoftmaxCrossEntropy())
    if processes > 1:
        model = torch.nn.parallel.DistributedDataParallel(model)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    share = slice(rank * BATCH // processes, (rank + 1) * BATCH // processes)
    for images, labels in batches():
        optimiser.zero_grad()
        loss(model(torch.from_numpy(images[share])), torch.from_numpy(labels[share])).backward()
        optimiser.step()
    save(layers, Path(folder) / f"weights{rank}.safetensors")
