"""Levels of a network, how its sizes are numbered and identified, the loss as a layer, and what is trained."""

import pytest
from sympy import Integer

from gradscribe import network
from gradscribe.codegen.tool.finding.find import find
from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.composition import Network, NetworkError, levels, parameters, with_loss
from gradscribe.derive.composition.level import is_activation, is_rearrangement, signal
from gradscribe.derive.ir.interpret import interpret
from gradscribe.derive.layer.sampling import sample_sizes, sample_values

ACTIVATIONS = {
    "sigmoid", "log_sigmoid", "tanh", "scaled_tanh", "softplus", "softsign", "silu", "gelu", "gelu_tanh", "mish",
    "relu", "leaky_relu", "elu", "selu", "celu", "relu6", "hard_tanh", "hard_sigmoid", "hard_swish",
}  # fmt: skip


def test_activations_of_the_catalogue_are_known_by_their_equations() -> None:
    assert {name for name in LAYERS if is_activation(LAYERS[name]())} == ACTIVATIONS


def test_what_only_moves_elements_is_known() -> None:
    found = {name for name in LAYERS if is_rearrangement(LAYERS[name]())}
    assert found == {"flatten"}


def test_the_signal_of_subsampling_is_what_its_own_activation_reads() -> None:
    assert signal(LAYERS["subsampling2d"]().program) == "u"
    assert signal(LAYERS["conv2d"]().program) == "u"
    assert signal(LAYERS["batch_norm"]().program) == "y"


def grouped(text: str) -> list[tuple[str, list[str]]]:
    return [(level.label, [n.layer.name for n in level.nodes]) for level in levels(network(text).nodes)]


def test_an_activation_belongs_to_the_layer_before_it() -> None:
    assert grouped("conv2d -> tanh -> max_pool2d -> flatten -> dense -> relu") == [
        ("l", ["conv2d", "tanh"]),
        ("l+1", ["max_pool2d", "flatten"]),
        ("l+2", ["dense", "relu"]),
    ]


def test_a_second_activation_and_one_of_the_input_are_levels() -> None:
    assert grouped("input x[N, C]; tanh -> dense -> relu -> tanh") == [
        ("l", ["tanh"]),
        ("l+1", ["dense", "relu"]),
        ("l+2", ["tanh"]),
    ]
    assert grouped("subsampling2d -> relu") == [("l", ["subsampling2d"]), ("l+1", ["relu"])]


def test_named_levels_go_by_their_names() -> None:
    found = grouped("c1: conv2d -> tanh -> s2: max_pool2d -> conv2d")
    assert [label for label, _ in found] == ["c1", "s2", "conv2d1"]


def test_sizes_are_numbered_as_the_levels() -> None:
    names = {s.name for s in network("conv2d -> tanh -> max_pool2d -> conv2d").program.symbols()}
    assert {"R_1", "K_1", "H_1", "R_2", "H_2", "R_3", "K_3", "H_3"} <= names
    assert not any(name.endswith("_4") for name in names)


def test_branches_that_join_share_their_sizes() -> None:
    """One symbol for the channels of both, and one for windows of equal extents."""
    found = network(
        "input x[N, H, W, 3]; conv2d(8, 3, padding=1) -> residual(conv2d(8, 3, stride=2, padding=1), "
        "conv2d(8, 1, stride=2)) -> flatten -> dense(5)"
    )
    (output,) = found.program.definitions(dict(found.results)["residual_add1"])
    assert [str(e) for e in output.target.shape] == ["N", "H_2", "W_2", "K_2"]
    assert not {"K_3", "H_3", "W_3"} & {s.name for s in found.program.symbols()}
    assert {s.name for s, _ in found.values} >= {"K_2"}
    assert "K_3" not in {s.name for s, _ in found.values}
    assert [str(e) for e in dict(found.flattened)["dense1_w"]] == ["H_2", "W_2", "K_2"]


def test_the_loss_is_one_more_layer() -> None:
    found = with_loss(NETWORKS["lenet"]())
    assert [t.name for t in found.given] == ["x", "t"]
    assert found.nodes[-1].layer.name == "softmax_cross_entropy"
    assert found.program.tensors[found.program.outputs[0]].shape == ()
    assert found.weights == NETWORKS["lenet"]().weights


def test_the_loss_of_the_value_is_the_value_of_both() -> None:
    import numpy as np

    plain = network("input x[N, C]; dense -> tanh -> dense; loss mean_squared_error")
    whole = with_loss(plain)
    rng = np.random.default_rng(0)
    sizes = sample_sizes(whole, rng)
    values = sample_values(whole.program, sizes, rng)
    found = interpret(whole.program, values, sizes)
    output = interpret(plain.program, values, sizes)[plain.program.outputs[0]]
    assert np.isclose(found[whole.program.outputs[0]], np.mean((output - values["t"]) ** 2))


def test_a_network_without_loss_says_so() -> None:
    with pytest.raises(NetworkError, match="network: has no loss"):
        with_loss(network("conv2d -> tanh"))


def test_a_loss_is_a_number() -> None:
    with pytest.raises(NetworkError, match="network: loss tanh: expected a number, its value has 2 axes"):
        with_loss(network("input x[N, 3]; dense(4) -> tanh; loss tanh"))


def test_a_table_of_connections_switches_weights_off() -> None:
    counts = parameters(NETWORKS["lenet5"]())
    assert sum(counts.values(), Integer(0)) == 60_000
    assert counts["c3_w"] == 1_500
    assert sum(parameters(NETWORKS["lenet"]()).values(), Integer(0)) == 61_706


def test_open_sizes_are_counted_in_symbols() -> None:
    found = find("conv2d -> tanh -> flatten -> dense(10)")
    assert isinstance(found, Network)
    assert str(parameters(found)["dense1_w"]) == "10*H_1*K_1*W_1"
