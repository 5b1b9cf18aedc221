"""What is added first to new zeros is stored: where its parts are all of the array, and only there."""

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.kernel.kernel import kernels
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.codegen.numpy.plan import Allocate, Update, walk
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.sampling import sample_sizes, sample_values
from tests.cases.agreement import assert_kernels_agree

TILES = {
    "y[n,k] = x[n,k]; y[n,k] += z[n,k]*x[n,k]": ["=", "+="],
    "y[n,k] = x[n,k]; y[n,k] += z[n,k]": ["=", "+="],
    "y[n,0,k] = 2*x[n,k]; y[n,1,k] += z[n,k]*x[n,k]": ["=", "="],
    "y[n,1,k] = 2*x[n,k]; y[n,0,k] += z[n,k]*x[n,k]; y[n,1,k] += z[n,k]": ["=", "=", "+="],
}
HOLES = {
    "y[n,2,k] = x[n,k]*2; y[n,0,k] += z[n,k]*x[n,k]": "none writes y[n,1,k]",
    "y[n,1,k] = x[n,k]*2; y[n,1,k] += z[n,k]*x[n,k]": "none writes y[n,0,k]",
    "y[n,k] = x[n,k]; y[n,K+k] += z[n,k]": "parts are clipped",
    "y[n,2*k] = x[n,k]; y[n,2*k] += z[n,k]": "odd places are 0",
}


def written(layer: Layer) -> tuple[list[str], float | None]:
    """How y is written, and what it holds before."""
    records = plan(kernels(layer)[0]).records
    made = next(r for r in records if isinstance(r, Allocate) and r.name == "y")
    return [r.op for _, r in walk(records) if isinstance(r, Update)], made.fill


def agrees(layer: Layer) -> None:
    """Values and gradients are the interpreter's, for several sizes."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        sizes = sample_sizes(layer, rng, limit=2000)
        assert_kernels_agree(layer, sizes, sample_values(layer.program, sizes, rng), rng)


@pytest.mark.parametrize("text", TILES)
def test_parts_that_are_all_of_an_array_are_stored(text: str) -> None:
    layer = gradscribe.layer(f"input x[N,K], z[N,K]; {text}", "probe")
    assert written(layer) == (TILES[text], None)
    agrees(layer)


@pytest.mark.parametrize("text", HOLES)
def test_what_nobody_writes_is_zero(text: str) -> None:
    layer = gradscribe.layer(f"input x[N,K], z[N,K]; {text}", "probe")
    assert written(layer) == (["+=", "+="], 0), HOLES[text]
    agrees(layer)
