"""What the words of a network's text stand for: shared weights, joins, repetitions, axes, outputs, own layers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gradscribe import network
from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.composition import Network, parameters
from tests.cases.networks import instance

RNG = np.random.default_rng(0)


def names(net: Network) -> list[str]:
    return [node.name for node in net.nodes]


def weights(net: Network) -> list[str]:
    return [net.key(w) for w in net.weights]


def test_a_repetition_numbers_what_has_a_name() -> None:
    net = network(
        "input x[N, 4]\nblock unit(k) = inner: dense(k) -> tanh\nrepeat 2: u: unit(4)\nrepeat 2: (d: dense(3) -> relu)"
    )
    assert names(net) == ["u1_inner", "u1_tanh1", "u2_inner", "u2_tanh1", "d1", "relu1", "d2", "relu2"]


def test_repetitions_stand_within_each_other_and_in_blocks_with_a_number_as_setting() -> None:
    net = network("input x[N, 4]\nblock stage(k, n) = repeat n: layer: dense(k)\nrepeat 2: s: stage(4, 2)")
    assert names(net) == ["s1_layer1", "s1_layer2", "s2_layer1", "s2_layer2"]
    assert names(network("input x[N, 4]\nrepeat 2: repeat 2: d: dense(4)")) == ["d1_1", "d1_2", "d2_1", "d2_2"]


def test_within_a_turn_a_name_is_that_of_this_turn() -> None:
    net = network("input x[N, 4]\nrepeat 2: (a: dense(4) -> tanh -> (a, dense(4)) -> residual_add)")
    joins = [node for node in net.nodes if node.layer.name == "residual_add"]
    assert [node.inputs[0] for node in joins] == ["a1", "a2"]


def test_chains_in_parentheses_read_what_came_before_them() -> None:
    net = network("input x[N, 4]\nd: dense(3) -> (e: dense(3), d, x -> dense(3)) -> residual_add")
    assert {node.name: node.inputs for node in net.nodes} == {
        "d": ("x",), "e": ("d",), "dense1": ("x",), "residual_add1": ("e", "d", "dense1")
    }  # fmt: skip


def test_joins_take_any_number_of_branches() -> None:
    parts = [RNG.normal(size=(3, size)) for size in (2, 3, 1, 2)]
    inputs = "\n".join(f"input x{k}[N, {part.shape[1]}]" for k, part in enumerate(parts))
    joined = network(f"{inputs}\n(x0, x1, x2, x3) -> concatenation", "joined").compile().Joined()
    np.testing.assert_array_equal(joined(*parts), np.concatenate(parts, axis=1))
    like = [RNG.normal(size=(3, 2)) for _ in range(3)]
    inputs = "\n".join(f"input x{k}[N, 2]" for k in range(3))
    for word, expected in (("residual_add", sum(like)), ("elementwise_product", np.prod(like, axis=0))):
        joined = network(f"{inputs}\n(x0, x1, x2) -> {word}", "joined").compile().Joined()
        np.testing.assert_allclose(joined(*like), expected)


def test_a_shared_block_has_no_weights_of_its_own_and_neither_have_blocks_within() -> None:
    text = """
    input x[N, 4]
    block inner(k) = dense(k) -> d: dense(k)
    block outer(k) = inner(k) -> i: inner(k) -> share(i)
    first: outer(4) -> second: share(first) -> share(second)
    """
    net = network(text)
    assert len(net.nodes) == 18
    assert weights(net) == [
        f"first_{block}_{node}.{w}" for block in ("inner1", "i") for node in ("dense1", "d") for w in "wb"
    ]
    twin = next(node for node in net.nodes if node.name == "second_i_d")
    assert dict(twin.shared)["w"] == "first_i_d.w"


def test_what_is_shared_is_computed_with_one_weight() -> None:
    net = instance(network("input x[N, 4]\na: dense(4) -> tanh -> b: share(a)", "twice"))
    x, w, b = RNG.normal(size=(5, 4)), net.params["a.w"], net.params["a.b"]
    np.testing.assert_allclose(net(x), np.tanh(x @ w + b) @ w + b)
    assert sorted(net.params) == ["a.b", "a.w"]


def test_the_derivation_says_whose_weights_a_level_has() -> None:
    page = str(network("input x[N, 4]\na: dense(4) -> tanh -> b: share(a)").derivation())
    assert "Level b has weights of level a: their gradients are sums over both." in page
    assert "w⁽ᵇ⁾" not in page


PATTERNS: dict[str, tuple[dict[str, int], tuple[int, ...], Callable[[np.ndarray], np.ndarray]]] = {
    "n l (h d) -> n h l d": ({"h": 2}, (3, 4, 6), lambda x: x.reshape(3, 4, 2, 3).transpose(0, 2, 1, 3)),
    "n h l d -> n l (h d)": ({}, (3, 2, 4, 3), lambda x: x.transpose(0, 2, 1, 3).reshape(3, 4, 6)),
    "n (h p) (w q) c -> n (h w) (p q c)": (
        {"p": 2, "w": 1}, (2, 4, 3, 2),
        lambda x: x.reshape(2, 2, 2, 1, 3, 2).transpose(0, 1, 3, 2, 4, 5).reshape(2, 2, 12),
    ),
    "n x y (g c) -> n x y (c g)": (
        {"g": 3}, (2, 1, 4, 6), lambda x: x.reshape(2, 1, 4, 3, 2).swapaxes(3, 4).reshape(2, 1, 4, 6)
    ),
    "batch time Time -> Time batch time": ({}, (2, 3, 4), lambda x: x.transpose(2, 0, 1)),
}  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_axes_by_name_are_numpys_reshape_and_transpose(pattern: str) -> None:
    sizes, shape, expected = PATTERNS[pattern]
    given = "".join(f", {axis}={size}" for axis, size in sizes.items())
    axes = ", ".join(map(str, shape[1:]))
    net = network(f"input x[N, {axes}]\nrearrange('{pattern}'{given}) -> tanh", "moved").compile().Moved()
    x = RNG.normal(size=shape)
    y = net(x)
    np.testing.assert_allclose(y, np.tanh(expected(x)))
    dy = RNG.normal(size=y.shape)  # the derivative of a rearrangement is its inverse
    slope = dy * (1 - np.tanh(expected(x)) ** 2)
    np.testing.assert_allclose(expected(net.backward(dy)), slope)


def test_an_axis_of_any_size_that_is_divided_is_a_multiple() -> None:
    net = network("input x[N, L, C]\nrearrange('n l (h d) -> n h l d', h=2)")
    assert str(net.program.inputs[0].shape) == "(N, L, 2*D_1)"


def test_a_block_may_have_names_for_its_inputs() -> None:
    net = network(
        "input x[N, 4]\nblock cut(k) of (a, b) = (b -> dense(k), a) -> residual_add\n(x -> d: dense(3), x) -> c: cut(3)"
    )
    assert {node.name: node.inputs for node in net.nodes}["c_residual_add1"] == ("c_dense1", "d")
    assert {node.name: node.inputs for node in net.nodes}["c_dense1"] == ("x",)


def test_a_layer_of_ones_own_has_the_sizes_of_its_weights_as_settings() -> None:
    text = """
    input x[N, 5]
    layer quad {
      y[n,k] = b[k] + sum(i,j) x[n,i] * w[i,j,k] * x[n,j]
      weight w, b
    }
    """
    for call in ("quad(4)", "quad(K=4)"):
        net = instance(network(f"{text}\n{call} -> tanh -> quad(3) -> tanh", "own"))
        assert net.params["quad1.w"].shape == (5, 5, 4)
        assert net.params["quad2.w"].shape == (4, 4, 3)


def test_many_paths_from_a_label_to_the_output_cost_no_time() -> None:
    """There are 2^40 of them; brackets on labels are looked for along all."""
    net = network("input t[N]\nembedding(5, 4) -> repeat 40: residual(dense(4))\nloss softmax_cross_entropy", "deep")
    deep = net.compile().Deep(rng=0)  # of integers alone: the weights say which numbers are computed with
    assert deep(np.arange(5)).dtype == deep.predict(np.arange(5)).dtype == np.float32


def test_a_mistake_in_a_layer_of_ones_own_is_found_in_the_text() -> None:
    with pytest.raises(ValueError, match=r"^net, layer g: line 2, column 26: found '\)'"):
        network("input x[N, 4]\nlayer g { y[n,k] = tanh(+)\n}\ng", "net")


def test_a_file_of_equations_beside_that_of_the_network_is_a_layer(tmp_path: Path) -> None:
    (tmp_path / "gate.eq").write_text("y[n,k] = x[n,k] * tanh(a[k] * x[n,k]); weight a")
    (tmp_path / "broken.eq").write_text("y[n,")  # which nothing names
    (tmp_path / "dense.eq").write_text("y[n,k] = x[n,k]")  # the catalogue has this name
    (tmp_path / "mine.net").write_text("input x[N, 4]\ngate -> dense(3)")
    net = find(str(tmp_path / "mine.net"))
    assert isinstance(net, Network)
    assert weights(net) == ["gate1.a", "dense1.w", "dense1.b"]


def test_outputs_come_in_the_order_of_the_text_and_what_is_judged_behind_them() -> None:
    text = "input x[N, 4]\na = dense(3)\nb = a -> dense(2)\n"
    assert network(f"{text}output b, a").sources == ("dense2", "dense1")
    judged = network(f"{text}loss mean_squared_error\nloss 0.5 * l1_loss of a")
    assert judged.sources == ("dense2", "dense1")
    assert [(loss.source, loss.weight) for loss in judged.losses] == [("", 1.0), ("dense1", 0.5)]


def test_a_gradient_is_given_for_every_output_or_for_none() -> None:
    net = instance(network("input x[N, 4]\na = dense(3)\nb = a -> tanh\noutput b, a", "two"))
    y, u = net(RNG.normal(size=(2, 4)))
    with pytest.raises(TypeError, match=r"argument d.*: expected an array"):
        net.backward(y)
    assert net.backward(y, u).shape == (2, 4)


def test_settings_of_a_loss_are_put_in() -> None:
    x, t = RNG.normal(size=(6, 4)), RNG.integers(0, 3, 6)
    plain, smooth = (
        instance(network(f"input x[N, 4]\nd: dense(3)\nloss cross_entropy{settings}", "judged"))
        for settings in ("", "(label_smoothing=0.3)")
    )
    y = plain(x)
    logs = y - np.log(np.exp(y).sum(1, keepdims=True))
    hard = -logs[np.arange(6), t].mean()
    assert abs(plain.loss(y, t) - hard) < 1e-12
    assert abs(smooth.loss(smooth(x), t) - (0.7 * hard - 0.3 * logs.mean())) < 1e-12


def test_resnet18_is_said_in_blocks_and_has_the_weights_of_the_paper() -> None:
    text = """
    input x[N, 224, 224, 3]
    block plain(k, s) = conv1: conv2d(k, 3, stride=s, padding=1, bias=false) -> norm1: batch_norm -> relu
      -> conv2: conv2d(k, 3, padding=1, bias=false) -> norm2: batch_norm
    block same(k) = residual(plain(k, 1)) -> relu
    block half(k) = residual(plain(k, 2), conv2d(k, 1, stride=2, bias=false) -> batch_norm) -> relu
    block stage(k) = half(k) -> same(k)
    conv2d(64, 7, stride=2, padding=3, bias=false) -> batch_norm -> relu -> max_pool2d(3, stride=2, padding=1)
    -> repeat 2: one: same(64) -> stage(128) -> stage(256) -> stage(512) -> global_avg_pool -> dense(1000)
    """
    assert sum(parameters(network(text, "resnet18")).values()) == 11_689_512  # as torchvision counts them
