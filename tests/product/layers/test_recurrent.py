"""Recurrent cells: against PyTorch's autograd, and the order of their gates by hand."""

import math
from typing import Any

import numpy as np
import pytest

from tests.oracles.autograd import built, compare, with_weights

Array = np.ndarray
SIZES = pytest.mark.parametrize(("n", "c", "h"), [(3, 4, 5), (1, 1, 1), (2, 5, 1), (0, 2, 3)])


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


def stacked(gates: int, c: int, h: int, rng: np.random.Generator, biases: str) -> dict[str, Array]:
    weights = {"w": rng.normal(size=(c, gates, h)), "r": rng.normal(size=(h, gates, h))}
    return weights | {name: rng.normal(size=(gates, h)) for name in biases}


def flat(weight: Any) -> Any:
    """(C, gates, H) as PyTorch has it: (gates*H, C)."""
    return weight.reshape(len(weight), -1).T


@pytest.mark.oracle
@SIZES
@pytest.mark.parametrize("bias", [True, False])
def test_simple_rnn_cell(torch: Any, n: int, c: int, h: int, bias: bool) -> None:
    rng = np.random.default_rng(n)
    weights = {"w": rng.normal(size=(c, h)), "r": rng.normal(size=(h, h))} | ({"b": rng.normal(size=h)} if bias else {})
    layer = with_weights("simple_rnn_cell", (c, h), weights, bias=bias)

    def reference(x: Any, state: Any, w: Any, r: Any, b: Any = None) -> Any:
        return torch.rnn_tanh_cell(x, state, w.T, r.T, b, None if b is None else torch.zeros_like(b))

    compare(layer, [rng.normal(size=(n, c)), rng.normal(size=(n, h))], reference, rng)


@pytest.mark.oracle
@SIZES
@pytest.mark.parametrize("bias", [True, False])
def test_lstm_cell(torch: Any, n: int, c: int, h: int, bias: bool) -> None:
    rng = np.random.default_rng(n)
    layer = with_weights("lstm_cell", (c, h), stacked(4, c, h, rng, "b" * bias), bias=bias)

    def reference(x: Any, state: Any, memory: Any, w: Any, r: Any, b: Any = None) -> Any:
        zeros = None if b is None else torch.zeros_like(b.reshape(-1))
        return torch.lstm_cell(x, (state, memory), flat(w), flat(r), None if b is None else b.reshape(-1), zeros)

    compare(layer, [rng.normal(size=(n, c)), rng.normal(size=(n, h)), rng.normal(size=(n, h))], reference, rng)


@pytest.mark.oracle
@SIZES
@pytest.mark.parametrize("biases", ["bd", ""])
def test_gru_cell(torch: Any, n: int, c: int, h: int, biases: str) -> None:
    rng = np.random.default_rng(n)
    options = {"bias": bool(biases), "d": bool(biases)}
    layer = with_weights("gru_cell", (c, h), stacked(3, c, h, rng, biases), **options)

    def reference(x: Any, state: Any, w: Any, r: Any, b: Any = None, d: Any = None) -> Any:
        return torch.gru_cell(x, state, flat(w), flat(r), *(None if v is None else v.reshape(-1) for v in (b, d)))

    compare(layer, [rng.normal(size=(n, c)), rng.normal(size=(n, h))], reference, rng)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_the_gates_of_an_lstm_are_input_forget_candidate_output() -> None:
    bias = np.array([[0.1], [0.2], [0.3], [0.4]])
    weights = {"w": np.zeros((1, 4, 1)), "r": np.zeros((1, 4, 1)), "b": bias}
    y, z = with_weights("lstm_cell", (1, 1), weights)(np.ones((1, 1)), np.ones((1, 1)), np.full((1, 1), 2.0))
    memory = sigmoid(0.2) * 2 + sigmoid(0.1) * math.tanh(0.3)
    assert z[0, 0] == pytest.approx(memory)
    assert y[0, 0] == pytest.approx(sigmoid(0.4) * math.tanh(memory))


def test_the_gates_of_a_gru_are_reset_update_candidate() -> None:
    """The reset gate scales the product with the state, the bias d in it; the update gate keeps the state."""
    weights = {"w": np.zeros((1, 3, 1)), "r": np.array([[[0.0], [0.0], [1.5]]])}
    weights |= {"b": np.array([[0.1], [0.2], [0.3]]), "d": np.array([[0.0], [0.0], [0.7]])}
    y = with_weights("gru_cell", (1, 1), weights)(np.ones((1, 1)), np.full((1, 1), 2.0))
    candidate = math.tanh(0.3 + sigmoid(0.1) * (1.5 * 2 + 0.7))
    assert y[0, 0] == pytest.approx((1 - sigmoid(0.2)) * candidate + sigmoid(0.2) * 2)


def test_two_steps_of_an_lstm_add_up() -> None:
    """Backpropagation through time with the cell's own backward equals finite differences."""
    rng = np.random.default_rng(0)
    weights = stacked(4, 2, 3, rng, "b")
    x, ones = rng.normal(size=(2, 1, 2)), np.ones((1, 3))

    def run(w: Array) -> tuple[float, list[Any]]:
        cells = [with_weights("lstm_cell", (2, 3), {**weights, "w": w}) for _ in range(2)]
        state = memory = np.zeros((1, 3))
        for cell, step in zip(cells, x, strict=True):
            state, memory = cell(step, state, memory)
        return float(state.sum()), cells

    _, (first, second) = run(weights["w"])
    _, d_state, d_memory = second.backward(ones, np.zeros((1, 3)))
    first.backward(d_state, d_memory)
    found = first.grads["w"] + second.grads["w"]
    for place in np.ndindex(weights["w"].shape):
        step = np.zeros_like(weights["w"])
        step[place] = 1e-6
        slope = (run(weights["w"] + step)[0] - run(weights["w"] - step)[0]) / 2e-6
        assert found[place] == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize(("name", "states"), [("simple_rnn_cell", 1), ("lstm_cell", 2), ("gru_cell", 1)])
def test_float32_stays_float32(name: str, states: int) -> None:
    layer = built(name, 2, 3, rng=0)
    state = np.ones((4, 3), np.float32)
    y = layer(np.ones((4, 2), np.float32), *[state] * states)
    outputs = y if isinstance(y, tuple) else (y,)
    found = [*outputs, *layer.backward(*outputs), *layer.grads.values(), *layer.params.values()]
    assert {a.dtype for a in found} == {np.dtype(np.float32)}
