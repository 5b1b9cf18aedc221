"""Texts of networks: mistakes are typed errors with their place, and sizes never clash."""

import re

import numpy as np
import pytest

import gradscribe
from gradscribe import facade, network
from gradscribe.derive.composition import NetworkError
from gradscribe.derive.layer.interface import Layer


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("input x[N,4]\nx", "the text has no layer"),
        ("input x[N,4]", "the text has no layer"),
        ("input x[N,1.5]\ndense(3)", "line 1, column 11: input x: expected an integer or a name, received 1.5"),
        ("input x[N,1e3]\ndense(3)", "line 1, column 11: input x: expected an integer or a name, received 1e3"),
        ("input x[N,4]\ninput x[N,5]\ndense(3)", "line 2, column 7: input x is declared twice"),
        ("input x[N,0]\ndense(3)", "axis 1: expected at least 1, received 0"),
    ],
)
def test_a_mistake_is_a_typed_error(text: str, message: str) -> None:
    with pytest.raises(NetworkError, match=re.escape(message)):
        network(text, "net")


def own() -> Layer:
    return gradscribe.layer("input x[B,S,C]\ny[b,s,k] = tanh(sum(c) x[b,s,c] * w[c,k])\nweight w", "own")


def built(text: str) -> facade.Network:
    return network(text, "net", layers={"own": own})


def test_a_layer_of_ones_own_is_given_as_it_is_or_as_what_makes_it() -> None:
    text = "input x[N, 4, 6]\nown -> own"
    assert network(text, "net", layers={"own": own()}).program == network(text, "net", layers={"own": own}).program


@pytest.mark.parametrize("first", ["B", "S", "C", "K", "N", "A", "A_x", "B_x"])
@pytest.mark.parametrize("second", ["4", "B", "A"])
def test_a_size_called_like_one_of_the_networks_is_another_one(first: str, second: str) -> None:
    if first == second:
        return
    made = built(f"input x[{first}, {second}, 6]\nown -> own").compile().Net(K_1=6, K_2=5, dtype=np.float64, rng=0)
    x = np.random.default_rng(1).normal(size=(3, 4, 6))
    y = made(x)
    one, two = made.params.values()
    np.testing.assert_allclose(y, np.tanh(np.tanh(x @ one) @ two))
    assert made(np.ones((2, 4, 6))).shape == (2, 4, 5)  # the batch is no number
