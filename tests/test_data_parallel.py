"""Two processes that share every batch end with the weights of one process that sees it whole."""

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from adapters import load
from tests.data_parallel import network, train

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(
        not (torch.distributed.is_available() and torch.distributed.is_gloo_available()), reason="no gloo"
    ),
]

SECONDS = 120


def test_two_gloo_processes_give_the_weights_of_one(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    one = tmp_path / "one"
    one.mkdir()
    processes = [context.Process(target=train, args=(rank, 2, str(tmp_path)), daemon=True) for rank in (0, 1)]
    try:
        for process in processes:
            process.start()
        train(0, 1, str(one))
        for process in processes:
            process.join(SECONDS)
        assert [process.exitcode for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()

    alone, before = network(seed=5), network(seed=0).params
    load(alone, one / "weights0.safetensors")
    assert all(np.abs(w - before[name]).max() > 1e-3 for name, w in alone.params.items())
    for rank in (0, 1):
        shared = network(seed=5)
        load(shared, tmp_path / f"weights{rank}.safetensors")
        for name, w in alone.params.items():
            np.testing.assert_allclose(shared.params[name], w, rtol=0, atol=1e-10, err_msg=f"{name} of rank {rank}")
