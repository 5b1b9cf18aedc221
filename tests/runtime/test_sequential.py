"""Layers in a row, how their weights start, and backward before forward."""

import inspect

import numpy as np
import pytest

from gradscribe import generated
from gradscribe.generated import runtime as rt
from tests.cases.catalogue import TRIED
from tests.cases.instances import instance
from tests.cases.layers import sampled_case
from tests.cases.together import together


@together("name", TRIED)
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


def test_layers_show_themselves_in_a_line() -> None:
    layer = generated.Conv2D(3, 8, 3, stride=2)
    expected = (
        "Conv2D(kernel_size=3, stride=2, padding=0, dilation=1, groups=1): w (3, 3, 3, 8), b (8,), 224 parameters"
    )
    assert repr(layer) == expected
    assert repr(generated.Tanh()) == "Tanh()"


def test_sequential_is_a_table_of_shapes_and_parameters() -> None:
    net = network()
    lines = str(net).splitlines()
    assert [line.split()[-1] for line in lines[1:]] == ["parameters", "16", "Tanh()", "8", "24"]
    assert "w (3, 4), b (4,)" in lines[2]
    assert repr(net) == str(net)
    nested = rt.Sequential(net, *[generated.Tanh() for _ in range(40)])
    assert "… 22 more layers" in repr(nested)
    assert len(str(nested).splitlines()) == 1 + 1 + 41 + 1
    assert sum(p.size for p in net.params.values()) == 24


def test_notebooks_get_a_table_whose_text_is_text() -> None:
    class Odd(generated.Tanh):
        def __init__(self) -> None:
            super().__init__()
            self.note = "<script>"

    page = rt.Sequential(Odd())._repr_html_()
    assert page.startswith("<table>")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "<td>w (3, 4), b (4,)</td>" in network()._repr_html_()
    assert "<caption>Dense</caption>" in generated.Dense(3, 4)._repr_html_()


def test_what_a_notebook_is_printed_with_is_a_table_whose_text_is_text() -> None:
    class Odd(generated.Tanh):
        def __init__(self) -> None:
            super().__init__()
            self.note = r"\\input{a_b} $100%"

    page = rt.Sequential(Odd())._repr_latex_()
    assert r"\textbackslash{}input\{a\_b\} \$100\%" in page
    assert page.count(r"\begin{tabular}") == page.count(r"\end{tabular}") == 1
    rows = page[page.index("r}\n") :].split(r"\\")
    assert {row.count("&") for row in rows} == {3}
    assert "w (3, 4), b (4,)" in network()._repr_latex_()
    assert r"\textbf{Dense}" in generated.Dense(3, 4)._repr_latex_()
    assert r"\textbf{LeNet5}" in generated.LeNet5(rng=0)._repr_latex_()


def test_networks_show_the_weights_of_their_nodes() -> None:
    net = generated.LeNet5(rng=0)
    lines = str(net).splitlines()
    assert lines[0] == type(net).__name__
    assert len(lines) == len(net.layers) + 3
    assert f"{sum(p.size for p in net.params.values()):,}" in lines[-1]
