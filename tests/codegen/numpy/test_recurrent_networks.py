"""Networks in which recurrences meet: two directions, one behind the other, in blocks, shared, as outputs."""

import sys

import numpy as np
import pytest

from gradscribe import network
from gradscribe.codegen.tool.verify import verify_layer
from tests.cases.thorough import some

TEXTS = {
    "one": "x -> simple_rnn(3) -> dense(2)",
    "alone": "x -> lstm(4)",
    "two_kinds": "x -> lstm(4) -> gru(2) -> dense(2)\nloss cross_entropy",
    "both_ways": "x -> simple_rnn(3) -> bidirectional_lstm(2) -> dense(2)\nloss mean_squared_error",
    "linear": "x -> state_space -> lstm(4)\nloss mean_squared_error",
    "shared": "x -> a: lstm(3) -> b: share(a) -> dense(2)\nloss cross_entropy",
    "joined": "a = x -> simple_rnn(3) -> tanh\n(a, x) -> residual_add -> gru(2) -> sigmoid",
    "in_blocks": "block cell(k) = lstm(k) -> relu\nx -> repeat 3: unit: cell(3)\n-> dense(2)\nloss cross_entropy",
    "shared_block": "block cell(k) = gru(k) -> tanh\nx -> a: cell(3) -> dense(3) -> b: share(a)",
    "memories": "l = x -> l: lstm(4)\na = l.c -> dense(2)\noutput l, l.c, a",
    "own": "layer decay { h[n,t,k] = a[k]*h[n,t-1,k] + x[n,t,k]; h[n,-1,k] = 0; weight a }\n"
    "x -> decay -> dense(2) -> last: decay",
    "started": "input h0[N, 4]\nlayer last { input h[N,T,K]; y[n,k] = h[n,T-1,k] }\n"
    "(x, h0) -> gru(4) -> last -> dense(2)",
    "back": "layer back { h[n,t,k] = tanh(a[k]*h[n,t+1,k] + x[n,t,k]); h[n,T,k] = 0; weight a }\n"
    "x -> simple_rnn(3) -> back -> dense(2)",
}


def text(name: str) -> str:
    return f"input x[N, T, 3]\n{TEXTS[name]}"


@pytest.mark.parametrize("name", some(TEXTS, 4))
def test_page_and_functions_are_verified(name: str) -> None:
    wrong = [v for v in verify_layer(network(text(name), name), 2) if not v.passed]
    assert not wrong


@pytest.mark.parametrize("name", some(["one", "own", "shared", "in_blocks"], 1))
def test_second_order(name: str) -> None:
    wrong = [v for v in verify_layer(network(text(name), name), 1, order=2) if not v.passed]
    assert not wrong


@pytest.mark.parametrize("length", [0, 1, 3])
def test_few_positions(length: int) -> None:
    net = network(text("two_kinds"), "two_kinds").compile().TwoKinds(dtype=np.float64, rng=0)
    y = net(np.ones((2, length, 3)))
    assert y.shape == (2, length, 2)
    assert net.backward(np.ones_like(y)).shape == (2, length, 3)
    assert all(g.shape == net.params[key].shape for key, g in net.grads.items())


@pytest.mark.parametrize("name", some(["two_kinds", "memories", "both_ways", "in_blocks"], 1))
def test_calls_that_are_one_call_of_c(name: str) -> None:
    """Recorded for each number of positions, beside NumPy without any buffer."""
    module = network(text(name), name).compile()
    cls = getattr(module, "".join(word.capitalize() for word in name.split("_")))
    own, plain = cls(dtype=np.float64, rng=0), cls(dtype=np.float64, rng=0)
    plain.buffers = None
    rng = np.random.default_rng(0)
    runtime = sys.modules[module.rt.__name__]
    for shape in ((2, 5, 3), (2, 5, 3), (3, 7, 3), (2, 5, 3), (2, 1, 3), (2, 5, 3)):
        x, found = rng.normal(size=shape), []
        for net, backend in ((own, "compiled"), (plain, "numpy")):
            with runtime.settings(backend=backend):
                y = net(x)
                several = y if isinstance(y, tuple) else (y,)
                dx = net.backward(*(np.cos(a) for a in several))
                found.append([*several, dx, *net.grads.values()])
        for one, other in zip(*found, strict=True):
            np.testing.assert_allclose(one, other, 1e-9, 1e-12)
    assert {f.__name__ for f, _, _ in own._recordings.found} == {f"{name}_forward", f"{name}_backward"}
