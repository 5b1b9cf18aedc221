"""derive/layer/sampling.py: what is drawn for a program says something about it."""

import numpy as np
import pytest

import gradscribe
from gradscribe.derive.ir.interpret import complete_sizes, number
from gradscribe.derive.layer.sampling import sample_sizes, sample_values

LOSSES = {
    "real": "input x[N,K], t[N]; y = sum(n,k) x[n,k] * [k == t[n]]",
    "integer": "input x[N,K]; integer t[N]; y = sum(n,k) x[n,k] * [k == t[n]]",
}


@pytest.mark.parametrize("kind", LOSSES)
def test_labels_are_values_of_the_index_that_they_are_compared_with(kind: str) -> None:
    """Those of a tensor of real numbers too: no bracket would hold otherwise, and nothing be shown."""
    layer = gradscribe.layer(LOSSES[kind], "picked")
    classes = next(t for t in layer.program.inputs if t.name == "x").shape[1]
    for seed in range(20):
        rng = np.random.default_rng(seed)
        sizes = sample_sizes(layer, rng)
        labels = sample_values(layer.program, sizes, rng)["t"]
        assert set(labels.ravel()) <= set(range(number(classes, complete_sizes(layer.program, sizes))))
        assert labels.dtype == (np.int64 if kind == "integer" else np.float64)
