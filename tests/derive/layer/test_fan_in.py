"""How many products each output sums, which says how large the first weights are."""

import numpy as np
import pytest

from gradscribe import layer
from gradscribe.derive.layer.fan_in import fan_in

TEXTS = {
    "y[n,k] = sum(c) x[n,c]*w[c,k]; weight w": "C",
    "u[n,i,k] = sum(r,c) x[n,i+r,c]*w[r,c,k]; weight w": "C*R",
    "y[n,c] = x[n,c]*w[c]; weight w": "1",
    "y = sum(n,c) x[n,c]*w[c]; weight w": "C",
    "y[c] = sum(n) x[n,c]*w[c]; weight w": "1",
    "v[c,k] = w[c,k]*m[c,k]; y[n,k] = sum(c) x[n,c]*v[c,k]; weight w": "C",
}


@pytest.mark.parametrize("text", TEXTS)
def test_only_indices_of_the_weight_count(text: str) -> None:
    assert str(fan_in(layer(text, "own").program, ["w"])) == TEXTS[text]


def test_a_sum_over_the_batch_starts() -> None:
    """The size of the batch is not known when a layer is made."""
    made = layer("u[n,c] = exp(x[n,c]*w[c]); y = sum(n,c) u[n,c]*d[c]; weight w, d", "total").compile()
    own = made.Total(C=3, rng=0)
    assert np.isfinite(own(np.ones((2, 3), np.float32)))
