"""What is computed block by block holds one block: measured, and as the plan says it."""

import tracemalloc

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.driver import compile_layer
from gradscribe.codegen.kernel.kernel import first_order
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.codegen.numpy.plan import Block, Release, effects, walk

TEXTS = [
    "y[n,k] = sum(m,c) p[n,m] * x[n,c] * w[m,c,k]",
    "y[n,k] = sum(m,c) exp(p[n,m] * x[n,c]) * w[m,c,k]",
    "input s[N,I,J], x[N,J,K], u[I,K,L]; y[n,l] = sum(i,j,k) tanh(s[n,i,j]) * x[n,j,k] * u[i,k,l]",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_block_lets_go_of_what_was_made_for_it(text: str) -> None:
    found = first_order(gradscribe.layer(text, name="own"))
    blocks = [r for k in found for _, r in walk(plan(k).records) if isinstance(r, Block)]
    assert blocks
    for block in blocks:
        made = effects(*block.body).made
        released = {name for r in block.body if isinstance(r, Release) for name in r.buffered}
        assert made
        assert set(made) <= released


def test_memory_is_that_of_one_block() -> None:
    """Many blocks of 2 MB: with two of them at a time there would be 4."""
    item = gradscribe.layer(TEXTS[0], name="own")
    module, rng = compile_layer(item), np.random.default_rng(1)
    p, x, w = (rng.normal(size=shape).astype(np.float32) for shape in ((256, 4), (256, 64), (4, 64, 128)))
    with module.rt.settings(backend="numpy", threads=1):
        expected = np.einsum("nm,nc,mck->nk", p, x, w)
        np.testing.assert_allclose(module.own_forward(p=p, x=x, w=w), expected, rtol=1e-4, atol=1e-4)
        module.rt.release()
        tracemalloc.start()
        module.own_forward(p=p, x=x, w=w)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    block = 4 * module.rt.OPERAND
    assert block <= peak < 1.5 * block
