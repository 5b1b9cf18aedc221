"""Loops that are others under other names are not written, and not compiled, again."""

import numpy as np
import pytest

from gradscribe import layer, network
from gradscribe.codegen.driver import compile_layer, emitted
from gradscribe.codegen.kernel.kernel import kernels
from gradscribe.codegen.loops import Nest, NestLoops, like, nest_loops
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.codegen.numpy.plan import walk
from gradscribe.codegen.numpy.print.slicing import argument

ONE = "u[n,c] = x[n,c]*g[c] + 2*tanh(x[n,c]); weight g"
OTHERS = {
    "v[n,c] = y[n,c]*h[c] + 2*tanh(y[n,c]); weight h": True,
    "v[a,b] = y[a,b]*h[b] + 2*tanh(y[a,b]); weight h": True,
    "v[n,c] = y[n,c]*h[c] + 3*tanh(y[n,c]); weight h": False,
    "v[n,c] = y[n,c]*h[n] + 2*tanh(y[n,c]); weight h": False,
    "v[n,c] = y[n,c]*h[c] + 2*tanh(z[n,c]); weight h": False,
    "v[n,c] = y[n,c]*h[c] + 2*exp(y[n,c]); weight h": False,
}


def loops(text: str) -> NestLoops:
    records = walk(plan(kernels(layer(text, "own"))[0]).records)
    (nest,) = (r for _, r in records if isinstance(r, Nest))
    return nest_loops(nest, "own", argument)


@pytest.mark.parametrize("text", OTHERS)
def test_what_is_the_same_but_for_names(text: str) -> None:
    one, other = loops(ONE), loops(text)
    found = like(other, [one])
    if "[a,b]" in text:  # indices are names in C, too
        assert found is None
    else:
        assert (found is one) is OTHERS[text]


@pytest.mark.thorough
def test_norms_in_a_row_share_a_function() -> None:
    text = """
        input x[N,8,8,16]
        block unit(k) = conv2d(k, 1) -> batch_norm -> relu -> conv2d(k, 1) -> batch_norm
        a: unit(16) -> b: unit(16) -> flatten -> dense(2)
    """
    made = network(text, "net")
    text = emitted(made).text
    forward = text.partition("def _unit_forward")[2].partition("\ndef ")[0]
    assert forward.count("_conv2d_batch_norm_forward(net, ") == 2
    assert text.count("def _conv2d_batch_norm_forward(") == 1
    module = compile_layer(made)
    x = np.random.default_rng(0).standard_normal((64, 8, 8, 16))
    values = []
    for backend in ("numpy", "compiled"):
        own = module.Net(dtype=np.float64, rng=0)
        with module.rt.settings(backend=backend):
            y = own(x)
            values += [(y, own.backward(np.ones_like(y)))]
    for found, expected in zip(values[1], values[0], strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)
