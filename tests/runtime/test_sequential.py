"""Layers in a row, how their weights start, and backward before forward."""

import inspect

import numpy as np
import pytest

from gradscribe import generated
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.generated import runtime as rt
from tests.cases.instances import instance
from tests.cases.layers import sampled_case
from tests.cases.together import together


@together("name", LAYERS)
def test_backward_needs_a_forward_call(name: str) -> None:
    layer = instance(sampled_case(name, np.random.default_rng(0)), np.float32)
    arguments = [np.ones((1, 1)) for _ in inspect.signature(layer.backward).parameters]
    with pytest.raises(RuntimeError, match=f"^{type(layer).__name__}: backward needs a forward call before it$"):
        layer.backward(*arguments)
    assert layer.grads == {}


def network(seed: int = 0) -> rt.Sequential:
    rng = np.random.default_rng(seed)
    return rt.Sequential(generated.Dense(3, 4, rng=rng), generated.Tanh(), generated.Dense(4, 2, bias=False, rng=rng))


def test_sequential_names_the_weights_of_its_layers() -> None:
    net = network()
    assert list(net.params) == ["0.w", "0.b", "2.w"]
    assert net.params["0.w"] is net.layers[0].params["w"]
    assert net.grads == {}


def test_sequential_calls_in_order_and_back_in_reverse() -> None:
    net, x = network(), np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    first, middle, last = net.layers
    y = net(x)
    np.testing.assert_array_equal(y, last(middle(first(x))))
    dy = np.ones_like(y)
    dx = net.backward(dy)
    np.testing.assert_array_equal(dx, first.backward(middle.backward(last.backward(dy))))
    assert list(net.grads) == ["0.w", "0.b", "2.w"]
    assert all(net.grads[k].shape == p.shape for k, p in net.params.items())


def test_sequential_without_layers_passes_on() -> None:
    x = np.ones(3)
    assert rt.Sequential()(x) is x
    assert rt.Sequential().backward(x) is x


def test_the_weights_follow_from_the_seed() -> None:
    one, two, other = (network(seed).params for seed in (0, 0, 1))
    assert all(one[k].tobytes() == two[k].tobytes() for k in one)
    assert any(one[k].tobytes() != other[k].tobytes() for k in one)


def test_initial_weights_lie_within_the_bound() -> None:
    w = rt.uniform(0, (100, 50), 25, np.float32)
    assert w.dtype == np.float32
    assert np.abs(w).max() <= 0.2
    assert np.abs(w).max() > 0.19
