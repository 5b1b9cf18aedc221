"""Calls of networks and layers that are recorded: they compute what the functions compute, whatever is given later."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from gradscribe import generated, layer, network
from gradscribe.generated import runtime as rt
from gradscribe.generated.runtime.arguments.arrays import Array
from gradscribe.generated.runtime.arguments.traced import traced
from gradscribe.generated.runtime.contractions.costs import Cost
from gradscribe.generated.runtime.contractions.ways import Strategy, Way, preferred
from gradscribe.generated.runtime.machine.configuration import Settings
from gradscribe.generated.runtime.recording import recordings, trace
from gradscribe.generated.runtime.recording.trace import Tracing
from tests.cases.thorough import some
from tests.cases.together import together

pytestmark = pytest.mark.usefixtures("compiled")

NETWORKS = {"LeNet": (32, 32, 1), "LeNet5": (32, 32, 1), "ResNet20": (32, 32, 3), "Bottleneck": (4, 4, 64)}
CLOSE = {np.float32: 2e-4, np.float64: 1e-9}


def names(own: Any) -> set[str]:
    """The functions of which calls are recorded."""
    return {function.__name__ for function, _, _ in own._recordings.found}


def close(found: Any, expected: Any) -> None:
    for one, other in zip(found, expected, strict=True):
        size = float(np.max(np.abs(other), initial=1e-30))
        np.testing.assert_allclose(one, other, 0, CLOSE[other.dtype.type] * size)


def step(own: Any, x: Array) -> list[Array]:
    """What training and evaluation compute, as it is now."""
    y = own(x)
    dx = own.backward(np.cos(np.arange(y.size, dtype=x.dtype)).reshape(y.shape))
    return [y.copy(), dx.copy(), *(g.copy() for g in own.grads.values()), *(s.copy() for s in own.state.values())]


@together("name", some(NETWORKS, 2, 1))
def test_networks_of_the_catalogue(name: str) -> None:
    kind: Any = np.float32 if name.startswith("LeNet") else np.float64  # deep ones are chaotic: a relu, on or off
    rng = np.random.default_rng(0)
    made, plain = (getattr(generated, name)(dtype=kind, rng=0) for _ in range(2))
    plain.buffers = None  # nothing is recorded where memory is not used again
    for batch in (2, 2, 3, 2):
        x = rng.standard_normal((batch, *NETWORKS[name])).astype(kind)
        for own in (made, plain):
            for key, weight in own.params.items():
                weight += np.sin(weight.size + np.arange(weight.size, dtype=kind).reshape(weight.shape)) / 50
                assert key in own.params
        close(step(made, x), step(plain, x))
        close([made.predict(x)], [plain.predict(x)])
    assert len(names(made)) == 3
    assert len(made._recordings.found) == 6
    assert not names(plain)


OWN = {
    "recorded_mlp": "input x[N, 7]\na: dense(9) -> relu -> b: dense(6) -> silu -> c: dense(3) -> log_softmax",
    "recorded_norms": """
input x[N, 6, 6, 4]
c: conv2d(8, 3, padding=1) -> n: group_norm(2) -> gelu_tanh -> p: avg_pool2d(3, 2, 1) -> f: flatten -> d: dense(5)
""",
    "recorded_skip": """
input x[N, 6, 6, 4]
s: residual(a: conv2d(4, 3, padding=1) -> tanh) -> m: max_pool2d(3, 2, 1) -> sigmoid
""",
}


@together("name", OWN)
def test_own_networks(name: str) -> None:
    made = network(OWN[name], name).compile()
    rng = np.random.default_rng(1)
    cls = getattr(made, network(OWN[name], name).class_name)
    own, plain = cls(rng=0), cls(rng=0)
    plain.buffers = None
    with made.rt.settings(backend="compiled"):
        for _ in range(3):
            x = rng.standard_normal((3, 7) if name == "recorded_mlp" else (3, 6, 6, 4)).astype(np.float32)
            close(step(own, x), step(plain, x))
    assert len(names(own)) == 2


CELL = """
input x[N,C], h[N,K], w[C,K], b[K], v[C,K]
z[n,k] = 1 / (1 + exp(-sum(c) x[n,c] * w[c,k] - b[k]))
g[n,k] = tanh(sum(c) x[n,c] * v[c,k])
y[n,k] = z[n,k] * g[n,k] + (1 - z[n,k]) * h[n,k]
m[n] = sum(k) y[n,k]^2
output y, m
weight w, b, v
"""


def test_own_layers() -> None:
    module = layer(CELL, "recorded_cell").compile()
    own, plain = (module.RecordedCell(C=5, K=6, rng=0) for _ in range(2))
    rng = np.random.default_rng(2)
    for _ in range(3):
        x, h, dy = (rng.standard_normal(s).astype(np.float32) for s in ((4, 5), (4, 6), (4, 6)))
        dm = rng.standard_normal(4).astype(np.float32)
        results = []
        for made in (own, plain):
            with module.rt.settings(backend="compiled" if made is own else "numpy"):
                results.append([*made(x, h), *made.backward(dy, dm), *made.grads.values()])
        close(*results)
    assert len(names(own)) == 2
    assert not names(plain)


DISTANCES = """
input x[N,L,C], w[R,C,K], z[M,K]
u[n,i,k] = sum(r,c) abs(x[n, i + r - 1, c] - w[r,c,k])
y[n,i,m] = sqrt(sum(k) (u[n,i,k] - z[m,k])^2 + 1)
weight w, z
"""


def test_sums_of_what_is_no_product() -> None:
    """Elements before an array are read from a copy, which is made in every call."""
    module = layer(DISTANCES, "recorded_distances").compile()
    own, plain = (module.RecordedDistances(R=3, C=5, K=6, M=4, rng=0) for _ in range(2))
    rng = np.random.default_rng(4)
    for _ in range(3):
        x = rng.standard_normal((2, 7, 5)).astype(np.float32)
        found = []
        for made in (own, plain):
            with module.rt.settings(backend="compiled" if made is own else "numpy"):
                found.append(step(made, x))
        close(*found)
    assert names(own) == {"recorded_distances_backward"}


@together("name", ("LSTMCell", "GRUCell"))
def test_cells_of_the_catalogue(name: str) -> None:
    made, plain = (getattr(generated, name)(5, 7, rng=0) for _ in range(2))
    rng = np.random.default_rng(3)
    for _ in range(3):
        given = [rng.standard_normal((3, n)).astype(np.float32) for n in (5, 7, 7)[: 3 if name == "LSTMCell" else 2]]
        found = []
        for own in (made, plain):
            with rt.settings(backend="compiled" if own is made else "numpy"):
                y = own(*given)
                y = y if isinstance(y, tuple) else (y,)
                found.append([*y, *own.backward(*y), *own.grads.values()])
        close(*found)
    assert len(names(made)) == 2
    assert not names(plain)


@together("name", ("LSTM", "GRU", "SimpleRNN"))
def test_sequences_of_the_catalogue(name: str) -> None:
    """So many positions that their biases are added to many rows; loops read the parts at one position."""
    made, plain = (getattr(generated, name)(5, 7, rng=0) for _ in range(2))
    rng = np.random.default_rng(3)
    for _ in range(3):
        x = rng.standard_normal((30, 20, 5)).astype(np.float32)
        found = []
        for own in (made, plain):
            with rt.settings(backend="compiled" if own is made else "numpy"):
                y = own(x)
                y = y if isinstance(y, tuple) else (y,)
                dx = own.backward(*y)
                found.append([*y, dx[0] if isinstance(dx, tuple) else dx, *own.grads.values()])
        close(*found)
    assert len(names(made)) == 2


def test_a_call_of_too_many_steps_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "MOST_STEPS", 50)
    own = generated.SimpleRNN(5, 7, rng=0)
    with rt.settings(backend="compiled"):
        own(np.ones((2, 3, 5), np.float32))
        own(np.ones((2, 40, 5), np.float32))
    assert len(own._recordings.found) == 1


def lenet() -> tuple[Any, Array]:
    return generated.LeNet(rng=0), np.random.default_rng(0).standard_normal((2, 32, 32, 1)).astype(np.float32)


def test_results_are_new_each_time_and_what_is_kept_is_not_touched_by_predict() -> None:
    net, x = lenet()
    first = net(x)
    before = first.copy()
    expected = net.backward(np.ones_like(first)).copy(), {k: g.copy() for k, g in net.grads.items()}
    net(x)
    net.predict(2 * x)
    again = net.backward(np.ones_like(first))
    np.testing.assert_array_equal(again, expected[0])
    grads = net.grads
    net(3 * x)
    net.backward(np.ones_like(first))
    np.testing.assert_array_equal(first, before)
    np.testing.assert_array_equal(again, expected[0])
    for key, gradient in grads.items():
        np.testing.assert_array_equal(gradient, expected[1][key])


def test_weights_may_be_others() -> None:
    net, x = lenet()
    net.predict(x)
    other = generated.LeNet(rng=1)
    expected = other.predict(x)
    net.params = dict(other.params)
    np.testing.assert_allclose(net.predict(x), expected, 1e-5, 1e-6)
    net.params["c1.w"] = np.asfortranarray(other.params["c1.w"])
    np.testing.assert_allclose(net.predict(x), expected, 1e-5, 1e-6)
    net.params = {k: v.tolist() for k, v in other.params.items()} | {"c1.b": other.params["c1.b"]}
    with pytest.raises(TypeError, match="weight"):
        net.predict(x)
    assert len(net._recordings.found) == 1


def test_what_is_given_may_be_otherwise() -> None:
    net, x = lenet()
    expected = net.predict(x)
    for given in (x.tolist(), np.asfortranarray(x), x[::-1][::-1], np.ma.masked_array(x), x.astype(np.float32)):
        if isinstance(given, list):
            given = np.asarray(given, np.float32)
        np.testing.assert_allclose(net.predict(given), expected, 1e-5, 1e-6)
    assert net.predict(x[:0]).shape == (0, 10)
    np.testing.assert_allclose(net.predict(x[:1]), expected[:1], 1e-5, 1e-6)
    with pytest.raises(ValueError, match="lenet: argument x, axis 1"):
        net.predict(x[:, 1:])
    with pytest.raises(TypeError, match="lenet"):
        net.predict(x.astype(np.float64))
    np.testing.assert_array_equal(net.predict(x), expected)


def test_nan_and_infinity_arrive() -> None:
    net, x = lenet()
    plain = generated.LeNet(rng=0)
    plain.buffers = None
    net.predict(x)
    x[0, 3, 3] = np.nan
    np.testing.assert_array_equal(np.isnan(net.predict(x)), np.isnan(plain.predict(x)))


def test_settings_are_those_of_the_call() -> None:
    net, x = lenet()
    others: list[dict[str, Any]] = [{}, {"threads": 1}, {"accuracy": "strict"}]
    for number, wanted in enumerate(others, 1):
        for backend in ("compiled", "numpy", "background", "auto"):  # for so few images "auto" needs no function in C
            with rt.settings(backend=backend, **wanted):
                net.predict(x)
        assert len(net._recordings.found) == number


def test_a_strategy_that_is_asked_for_is_taken() -> None:
    net, x = lenet()
    expected = net.predict(x)
    assert len(net._recordings.found) == 1
    with rt.settings(strategy="matrix"):
        np.testing.assert_allclose(net.predict(x), expected, 1e-4, 1e-5)
        assert len(net._recordings.found) == 1


def test_strict_takes_no_way_in_c_that_is_not_direct() -> None:
    def way(name: str, in_c: bool, is_direct: bool) -> Way:
        strategy = Strategy(name, lambda _: None, lambda *_: Cost(1, 1, 1, 0), lambda *_: lambda *_: None, in_c)
        return Way(strategy, None, Cost(1, 1, 1, 0, direct=is_direct))

    fast, matrix = way("fast", True, False), way("matrix", False, True)
    for accuracy, expected in (("fast", fast), ("strict", matrix)):
        wanted = Settings("compiled", accuracy)
        assert preferred((matrix, fast), wanted) is matrix
        with traced(Tracing()):
            assert preferred((matrix, fast), wanted) is expected


def test_copies_have_recordings_of_their_own() -> None:
    net, x = lenet()
    y = net.predict(x)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert not other._recordings.found
        np.testing.assert_array_equal(other.predict(x), y)


def test_threads_at_once() -> None:
    net, x = lenet()
    images = [k * x for k in range(1, 9)]
    expected = [net.predict(i).copy() for i in images]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            for found, y in zip(pool.map(net.predict, images), expected, strict=True):
                np.testing.assert_allclose(found, y, 1e-5, 1e-6)


def test_auto_records_networks_that_ask_for_c_anyway() -> None:
    net, x = lenet()
    with rt.settings(backend="auto"):
        net.predict(x)
        assert not net._recordings.found
        net.predict(np.repeat(x, 32, axis=0))
        assert names(net) == {"lenet_predict"}
        cell = generated.GRUCell(64, 256, rng=0)
        cell(np.ones((64, 64), np.float32), np.ones((64, 256), np.float32))
        assert not names(cell)


def test_a_run_that_is_taken_up_again_goes_on_to_the_bit() -> None:
    def trained(net: Any, steps: range) -> Any:
        for k in steps:
            x = np.random.default_rng(k).standard_normal((2, 32, 32, 1)).astype(np.float32)
            net.backward(net(x))
            for name, gradient in net.grads.items():
                net.params[name] -= np.float32(0.1) * gradient
        return net

    whole = trained(generated.LeNet(rng=0), range(6))
    half = trained(generated.LeNet(rng=0), range(3))
    later = generated.LeNet(rng=5)
    later.params = half.params
    for name, weight in trained(later, range(3, 6)).params.items():
        np.testing.assert_array_equal(weight, whole.params[name])


def test_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "MOST", 3)
    net, x = lenet()
    for batch in (1, 2, 3, 4, 5, 1):
        assert net.predict(np.repeat(x[:1], batch, axis=0)).shape == (batch, 10)
    assert len(net._recordings.found) == 3
    monkeypatch.setattr(recordings, "MOST", 16)
    monkeypatch.setattr(recordings, "MOST_BYTES", 1)
    net.predict(x[:1])
    net.predict(np.repeat(x[:1], 7, axis=0))
    assert len(net._recordings.found) == 3
