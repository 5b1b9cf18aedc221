"""Texts of networks: mistakes are typed errors with their place, and sizes never clash."""

import re

import numpy as np
import pytest

import gradscribe
from gradscribe import facade, network
from gradscribe.derive.composition import NetworkError
from gradscribe.derive.layer.interface import Layer
from tests.cases.thorough import some
from tests.cases.together import together


@together(
    ("text", "message"),
    [
        ("input x[N,4]\nx", "the text has no layer"),
        ("input x[N,4]", "the text has no layer"),
        ("input x[N,1.5]\ndense(3)", "input x: expected an integer or a name, received 1.5\n  line 1, column 11:\n"),
        ("input x[N,1e3]\ndense(3)", "input x: expected an integer or a name, received 1e3\n  line 1, column 11:\n"),
        ("input x[N,4]\ninput x[N,5]\ndense(3)", "input x is declared twice\n  line 2, column 7:\n"),
        ("input x[N,0]\ndense(3)", "axis 1: expected at least 1, received 0"),
        ("block b(k) = dense(k)\nb", "net, b: expected the settings k, received none"),
        ("block b(k) = dense(k)\nb(3, 4)", "net, b: at most 1 settings without a name"),
        ("block b(k) = dense(k)\nb(3, k=4)", "net, b: k is given twice"),
        ("block b(k) = dense(k)\nb(q=4)", "net, b: expected the settings k, received q"),
        ("block b(k, k) = dense(k)\nb(3)", "block b: two parameters have one name\n  line 1, column 7:\n"),
        ("block relu = dense(3)\nrelu", "block relu: that is the name of a layer\n  line 1, column 7:\n"),
        ("block b = relu\nblock b = tanh\nb", "block b: that is the name of another block\n  line 2, column 7:\n"),
        ("block b = relu -> b\ndense(3) -> b", "unknown layer 'b'"),
        ("block a = b\nblock b = relu\ndense(3) -> a", "unknown layer 'b'"),
        ("block b = relu\nbb", "did you mean b"),
        ("block b = x\ndense(3) -> b", "net, b: has no layer"),
        ("input x[N,4]\na: block b", "found"),
        ("input x[N,4]\na: dense(3) -> a: dense(3)", "two nodes are called a"),
        ("block u = c: dense(3)\ninput x[N,4]\na: u -> a: u", "two nodes are called a_c"),
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


@pytest.mark.thorough
@pytest.mark.parametrize("first", some(["B", "S", "C", "K", "N", "A", "A_x", "B_x"], 3))
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


def test_blocks_are_their_nodes_written_out() -> None:
    """Parameters are put in, names begin with the block's, and the program is that of the plain text."""
    made = network(
        """
        input x[N, 8, 8, 3]
        block unit(k, p) = conv: conv2d(k, 3, padding=p) -> tanh
        block pair(k) = a: unit(k, 1) -> b: unit(k, p=0)
        one: pair(4) -> pair(5) -> sum: residual(unit(5, 1)) -> last: unit(2, 0)
        """,
        "net",
    )
    plain = network(
        """
        input x[N, 8, 8, 3]
        one_a_conv: conv2d(4, 3, padding=1) -> one_a_tanh1: tanh
        -> one_b_conv: conv2d(4, 3, padding=0) -> one_b_tanh1: tanh
        -> pair1_a_conv: conv2d(5, 3, padding=1) -> pair1_a_tanh1: tanh
        -> pair1_b_conv: conv2d(5, 3, padding=0) -> pair1_b_tanh1: tanh
        -> sum: residual(unit1_conv: conv2d(5, 3, padding=1) -> unit1_tanh1: tanh)
        -> last_conv: conv2d(2, 3, padding=0) -> last_tanh1: tanh
        """,
        "net",
    )
    assert [n.name for n in made.nodes] == [n.name for n in plain.nodes]
    assert [(n.layer.name, n.inputs, n.settings) for n in made.nodes] == [
        (n.layer.name, n.inputs, n.settings) for n in plain.nodes
    ]
    assert made.weights == plain.weights
    assert {(n.block, n.instance) for n in made.nodes} == {
        ("pair", "one"), ("pair", "pair1"), ("", ""), ("unit", "unit1"), ("unit", "last"),
    }  # fmt: skip


def test_within_a_block_names_are_those_of_the_block_first() -> None:
    made = network(
        """
        input x[N, 4, 4, 3]
        block two = a: tanh -> residual((a, x) -> both: concatenation -> conv2d(3, 1)) -> b: relu
        a: conv2d(3, 1) -> first: two -> second: two
        (a, second) -> joined: concatenation
        (first, joined) -> concatenation
        """,
        "net",
    )
    reads = {n.name: n.inputs for n in made.nodes}
    assert reads["second_a"] == ("first_b",)
    assert reads["second_both"] == ("second_a", "x")
    assert reads["joined"] == ("a", "second_b")
    assert reads["concatenation1"] == ("first_b", "joined")


def test_blocks_within_blocks_do_not_multiply_without_end() -> None:
    lines = ["input x[N, 4]", "block b0 = tanh"]
    lines += [f"block b{k} = " + " -> ".join([f"b{k - 1}"] * 20) for k in range(1, 9)]
    with pytest.raises(NetworkError, match="more than 4000 layers; blocks within blocks multiply"):
        network("\n".join([*lines, "b7"]), "net")
    deep = ["block b0 = tanh", *(f"block b{k} = b{k - 1}" for k in range(1, 1200)), "b1199"]
    with pytest.raises(NetworkError, match="stands within 8 blocks; expected fewer"):
        network("\n".join(["input x[N, 4]", *deep])[:20_000].rsplit("\n", 1)[0] + "\nb900", "net")
