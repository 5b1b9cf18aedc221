"""Names, flattened images and errors of the exchange of weights; no framework is needed."""

import math
from itertools import permutations
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe import generated as g
from gradscribe.adapters import from_keras, from_torch, to_keras, to_torch
from gradscribe.adapters.named import weights
from gradscribe.adapters.rearrange import Rearrangement
from gradscribe.codegen.driver import compile_layer

Array = Any


def test_a_rearrangement_is_a_permutation_of_the_elements() -> None:
    rng = np.random.default_rng(0)
    for rank in range(2, 6):
        shape = tuple(rng.integers(1, 5, rank))
        array = np.arange(math.prod(shape)).reshape(shape)
        for pattern in ("... c k -> k c ...", "... c m -> (c m) 1 ...", "... c m -> ... (m c)", "... -> ..."):
            there = Rearrangement(pattern)
            found = there.forth(array)
            assert found.shape == there.shape(shape)
            np.testing.assert_array_equal(there.back(found, shape), array)


def test_every_permutation_equals_einsum() -> None:
    array = np.random.default_rng(0).normal(size=(2, 3, 4))
    for order in permutations("abc"):
        found = Rearrangement(f"a b c -> {' '.join(order)}").forth(array)
        np.testing.assert_array_equal(found, np.einsum(f"abc->{''.join(order)}", array))


def test_joined_axes_by_loops() -> None:
    array = np.random.default_rng(0).normal(size=(2, 3, 4))
    found = Rearrangement("c g h -> (g h) c").forth(array)
    for c, gate, h in np.ndindex(2, 3, 4):
        assert found[gate * 4 + h, c] == array[c, gate, h]


def network() -> Any:
    return g.Sequential(
        g.Conv2D(1, 3, 3, rng=0), g.ReLU(), g.Flatten(), g.BatchNorm(12), g.ReLU(), g.Dense(12, 2, rng=1)
    )


def test_rows_behind_a_flatten_are_channels_first_in_pytorch() -> None:
    net = network()
    x = np.random.default_rng(0).normal(size=(5, 4, 4, 1)).astype(np.float32)
    hidden = net.layers[1](net.layers[0](x))
    net.layers[2](hidden)
    net.layers[3].params["gamma"][:] = np.arange(12)
    found = to_torch(net)
    theirs = np.moveaxis(hidden, -1, 1).reshape(5, -1)  # as PyTorch flattens
    ours = hidden.reshape(5, -1)
    np.testing.assert_allclose(theirs @ found["5.weight"].T, ours @ net.layers[5].params["w"], rtol=1e-5)
    scaled = (ours * net.layers[3].params["gamma"]).reshape(hidden.shape)
    np.testing.assert_array_equal(theirs * found["3.weight"], np.moveaxis(scaled, -1, 1).reshape(5, -1))
    again = network()
    from_torch(
        again,
        found,
        flattened=dict.fromkeys(("3.gamma", "3.beta", "5.w", "3.running_mean", "3.running_var"), (2, 2, 3)),
    )
    assert all(np.array_equal(again.params[name], array) for name, array in net.params.items())


def test_keras_flattens_as_we_do() -> None:
    net = network()
    np.testing.assert_array_equal(to_keras(net)["5/kernel"], net.params["5.w"])


def test_an_image_that_is_not_known_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"^weight 3.gamma: the shape of the image .*: \(height"):
        to_torch(network())
    plain = to_torch(network(), flattened={})  # rows as they are
    np.testing.assert_array_equal(plain["5.weight"].T, network().params["5.w"])
    for image, message in (((2, 3, 3), "expected an image of 12 elements, found (2, 3, 3)"), ((12,), "found (12,)")):
        with pytest.raises(ValueError, match=r"flattened: weight 5.w: ") as caught:
            to_torch(network(), flattened={"5.w": image})
        assert message in str(caught.value)
    with pytest.raises(ValueError, match=r"flattened: no weight is called 9.w; expected one of 0.w, 0.b"):
        to_torch(network(), flattened={"9.w": (1, 2)})


def test_names_of_layers_within_layers() -> None:
    net = g.Sequential(g.Dense(2, 3, rng=0), g.Sequential(g.Tanh(), g.Dense(3, 1, rng=0)))
    assert list(to_torch(net)) == ["0.weight", "0.bias", "1.1.weight", "1.1.bias"]
    assert list(to_torch(net, names={"1.1": "head"})) == ["0.weight", "0.bias", "head.weight", "head.bias"]
    assert list(to_keras(net, names={"0": "model/dense"}))[:2] == ["model/dense/kernel", "model/dense/bias"]
    assert list(to_torch(net.layers[0], names={"": "fc"})) == ["fc.weight", "fc.bias"]
    with pytest.raises(ValueError, match=r"^names: no layer with weights is called '1'; expected one of 0, 1.1$"):
        to_torch(net, names={"1": "fc"})
    with pytest.raises(ValueError, match=r"^PyTorch: 0.weight: expected 0.w there, found 0.w and 1.1.w$"):
        to_torch(net, names={"1.1": "0"})


class Net:
    """What a generated network looks like from outside."""

    layers = {"c1": "conv2d", "n1": "batch_norm", "block.f6": "dense"}  # noqa: RUF012 (as the contract has it)
    flattened = {"block.f6.w": (2, 2, 3)}  # noqa: RUF012

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        shapes = {"c1.w": (3, 3, 1, 3), "c1.b": (3,), "n1.gamma": (3,), "n1.beta": (3,), "block.f6.w": (12, 5)}
        self.params = {name: rng.normal(size=shape) for name, shape in shapes.items()}
        self.state = {f"n1.running_{s}": rng.normal(size=3) for s in ("mean", "var")}


def test_a_network_says_which_layer_a_node_is_and_what_is_flattened() -> None:
    net, again = Net(0), Net(1)
    names = {"c1": "features.0", "block.f6": "head"}
    found = to_torch(net, names)
    assert {name: a.shape for name, a in found.items()} == {
        "features.0.weight": (3, 1, 3, 3), "features.0.bias": (3,), "n1.weight": (3,), "n1.bias": (3,),
        "head.weight": (5, 12), "n1.running_mean": (3,), "n1.running_var": (3,), "n1.num_batches_tracked": (),
    }  # fmt: skip
    for i, j, c, k in np.ndindex(2, 2, 3, 5):
        assert found["head.weight"][k, c * 4 + i * 2 + j] == net.params["block.f6.w"][i * 6 + j * 3 + c, k]
    from_torch(again, found, names)
    assert all(np.array_equal(a.array, b.array) for a, b in zip(weights(net), weights(again), strict=True))
    from_keras(again, to_keras(net))
    assert all(np.array_equal(a.array, b.array) for a, b in zip(weights(net), weights(again), strict=True))


def test_a_layer_of_ones_own_keeps_its_names_and_layouts() -> None:
    own = gradscribe.layer("y[n,k] = a[k] + sum(c) x[n,c] * v[c,k]; weight v, a", "affine_of_mine")
    made = compile_layer(own).AffineOfMine(C=2, K=3, rng=0)
    found = to_torch(made)
    np.testing.assert_array_equal(found["v"], made.params["v"])
    assert found["v"] is not made.params["v"]
    from_torch(made, {name: a + 1 for name, a in found.items()})
    np.testing.assert_array_equal(made.params["v"], found["v"] + 1)


WEIGHT, BIAS = np.zeros((3, 2)), np.zeros(3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weight": WEIGHT}, "weight bias is missing: expected float of shape (3,), found no such name"),
        (
            {"weight": WEIGHT, "b": BIAS},
            "weight bias is missing: expected float of shape (3,), found b that nothing wants",
        ),
        (
            {"weight": WEIGHT, "bias": BIAS, "extra": BIAS},
            "unexpected weight extra: expected only weight, bias, found float64 of shape (3,)",
        ),
        ({"weight": WEIGHT.T, "bias": BIAS}, "weight weight: expected shape (3, 2), found (2, 3)"),
        ({"weight": WEIGHT, "bias": BIAS[:, None]}, "weight bias: expected shape (3,), found (3, 1)"),
        ({"weight": WEIGHT, "bias": BIAS.astype(int)}, "weight bias: expected type float, found int64"),
        ({"weight": WEIGHT, "bias": ["a", "b", "c"]}, "weight bias: expected type float, found str32"),
    ],
)
def test_what_does_not_fit_is_one_line_and_nothing_is_written(given: dict[str, Any], message: str) -> None:
    layer = g.Dense(2, 3, rng=0)
    before = {name: a.copy() for name, a in layer.params.items()}
    with pytest.raises(ValueError, match=r"^weights from PyTorch: ") as caught:
        from_torch(layer, given)
    assert str(caught.value) == f"weights from PyTorch: {message}"
    assert all(np.array_equal(layer.params[name], a) for name, a in before.items())


def test_arrays_are_written_in_place_and_given_as_copies() -> None:
    layer = g.BatchNorm(3)
    held = {w.name: w.array for w in weights(layer)}
    found = to_torch(layer)
    from_torch(layer, {name: a + 1 for name, a in found.items()})
    assert all(w.array is held[w.name] for w in weights(layer))
    np.testing.assert_array_equal(layer.state["running_mean"], 1)
    np.testing.assert_array_equal(found["running_mean"], 0)


def test_one_of_two_biases_that_keras_stacks() -> None:
    with pytest.raises(ValueError, match=r"^Keras: bias: expected b and d there, found b$"):
        to_keras(g.GRUCell(2, 3, d=False, rng=0))
