"""examples/torch_training.py learns the digits, and what it saves is what PyTorch has trained."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("safetensors")

import torch_training  # noqa: E402 (needs PyTorch)
from gradscribe.adapters import load  # noqa: E402

pytestmark = pytest.mark.oracle


def test_it_learns_and_saves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    accuracy = torch_training.main(tmp_path / "digits.safetensors")
    assert accuracy > 0.9
    assert capsys.readouterr().out.splitlines()[-1] == f"accuracy {accuracy:.1%}"
    layers = torch_training.build()
    before = {name: w.copy() for name, w in layers.params.items()}
    load(layers, tmp_path / "digits.safetensors")
    assert all(np.abs(w - before[name]).max() > 1e-3 for name, w in layers.params.items())
