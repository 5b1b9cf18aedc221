"""Two processes that share every batch end with the weights of one process that sees it whole."""

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from gradscribe.adapters import load
from tests.oracles.data_parallel import network, process, train

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(
        not (torch.distributed.is_available() and torch.distributed.is_gloo_available()), reason="no gloo"
    ),
]

SECONDS = 120
ATTEMPTS = 3  # on a busy machine gloo's connections are sometimes reset, and an exit is sometimes an abort


def both(folder: Path) -> bool:
    """Train with two processes; whether both came to their end."""
    folder.mkdir()
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=process, args=(rank, 2, str(folder)), daemon=True) for rank in (0, 1)]
    try:
        for child in processes:
            child.start()
        for child in processes:
            child.join(SECONDS)
    finally:
        for child in processes:
            child.kill()
    return [child.exitcode for child in processes] == [0, 0]


def test_two_gloo_processes_give_the_weights_of_one(tmp_path: Path) -> None:
    one = tmp_path / "one"
    one.mkdir()
    train(0, 1, str(one))
    attempts = (tmp_path / f"attempt{k}" for k in range(ATTEMPTS))
    folder = next((folder for folder in attempts if both(folder)), None)
    assert folder is not None, f"no pair of processes of {ATTEMPTS} came to its end"

    alone, before = network(seed=5), network(seed=0).params
    load(alone, one / "weights0.safetensors")
    assert all(np.abs(w - before[name]).max() > 1e-3 for name, w in alone.params.items())
    for rank in (0, 1):
        shared = network(seed=5)
        load(shared, folder / f"weights{rank}.safetensors")
        for name, w in alone.params.items():
            np.testing.assert_allclose(shared.params[name], w, rtol=0, atol=1e-10, err_msg=f"{name} of rank {rank}")
