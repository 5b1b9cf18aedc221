"""Products that grow by one factor at linear cost, in functions and networks; odd sizes and numbers."""

from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.codegen.kernel.kernel import first_order
from gradscribe.codegen.kernel.second_order_kernels import kernels_of_order
from gradscribe.codegen.numpy.function.function_text import plan
from gradscribe.codegen.numpy.plan import Accumulate, Allocate, Define, walk
from gradscribe.codegen.tool.verify import verify_layer
from gradscribe.derive.ir.index import integers

RADIANCE = "y[n,c] = sum(i) (prod(j) [j < i] (1 - a[n,j])) * a[n,i] * s[n,i,c]"
GATE = "y[n,i] = x[n,i] * prod(j) [j < i] (1 - x[n,j])"
Array = np.ndarray[Any, Any]


@pytest.mark.parametrize(
    "text", [RADIANCE, GATE, "y[n] = prod(j) x[n,j]", "y[n,i] = v[n,i] * prod(j) [j >= i] x[n,j] * w[j]"]
)
def test_no_array_has_a_number_for_each_pair_of_factors(text: str) -> None:
    kernels = first_order(gradscribe.layer(text, "linear"))
    records = [record for kernel in kernels for _, record in walk(plan(kernel).records)]
    shapes = [r.shape for r in records if isinstance(r, Allocate)]
    shapes += [tuple(e.extent for e in r.update.ranges) for r in records if isinstance(r, Define)]
    assert shapes
    assert all(sum(e in integers("I J") for e in shape) <= 1 for shape in shapes)
    assert any(isinstance(r, Accumulate) for r in records)


def test_second_order_makes_the_others_that_it_reads_as_a_whole() -> None:
    """There a number for each pair of factors is needed."""
    layer = gradscribe.layer(GATE, "gate")
    records = [r for kernel in kernels_of_order(layer, 2)[1] for _, r in walk(plan(kernel).records)]
    assert any(isinstance(r, Allocate) and len(r.shape) > 2 for r in records)
    assert all(line.passed for line in verify_layer(layer, shapes=3, order=2))


@pytest.mark.parametrize(("rows", "factors"), [(0, 3), (2, 1), (1, 300), (3, 0)])
def test_odd_sizes(rows: int, factors: int) -> None:
    """An empty batch, one factor, many in a short row, none."""
    module = gradscribe.layer(GATE, "gate").compile()
    x = np.random.default_rng(0).uniform(0, 0.02, (rows, factors))
    before = np.cumprod(np.concatenate([np.ones((rows, 1)), 1 - x], 1), 1)[:, :factors]
    y, t = module.gate_forward(x)
    np.testing.assert_allclose(y, x * before, rtol=1e-12)
    dy = np.ones_like(x)
    found = module.gate_grad_input(dy, x, t)
    assert found.shape == x.shape
    behind = np.cumsum((dy * x * before)[:, ::-1], 1)[:, ::-1] - dy * x * before  # of products without a 0
    np.testing.assert_allclose(found, before - behind / (1 - x), rtol=1e-9, atol=1e-12)


def test_nan_and_infinity_stay_in_their_rows() -> None:
    module = gradscribe.layer("y[n] = prod(j) x[n,j]", "product").compile()
    x = np.array([[2.0, np.nan, 0.0], [np.inf, 2.0, 3.0], [0.0, 0.0, 5.0], [1.0, 2.0, 4.0]])
    np.testing.assert_array_equal(module.product_forward(x), x.prod(1))
    found = module.product_grad_input(np.ones(4), x)
    expected = [[np.nan, 0, np.nan], [6, np.inf, np.inf], [0, 0, 0], [8, 4, 2]]
    np.testing.assert_array_equal(found, expected)


def test_a_network_of_products_is_differentiated() -> None:
    """Its gradients beside differences; calls that are recorded, too."""
    layers = {
        "gate": gradscribe.layer(GATE, "gate"),
        "scaled": gradscribe.layer("y[n,i] = w[i] * x[n,i] * prod(j) (x[n,j] + w[j])\nweight w", "scaled"),
    }
    text = "input x[N, 4]\ndense(3) -> sigmoid -> gate -> scaled -> dense(2)\nloss mean_squared_error"
    net = gradscribe.network(text, "products", layers=layers)
    model = net.compile().Products(rng=0)
    rng = np.random.default_rng(0)
    params = {name: rng.normal(size=w.shape) for name, w in model.params.items()}
    x, t = rng.normal(size=(5, 4)), rng.normal(size=(5, 2))

    def value(given: dict[str, Array]) -> float:
        model.params = given
        return float(model.loss(model(x), t))

    for _ in range(3):
        value(params)
        model.backward()
    found = {name: np.array(g) for name, g in model.grads.items()}
    for name, w in params.items():
        step = np.zeros_like(w)
        step[(0,) * w.ndim] = 1e-6
        ends = [value({**params, name: w + s}) for s in (step, -step)]
        np.testing.assert_allclose(found[name][(0,) * w.ndim], (ends[0] - ends[1]) / 2e-6, rtol=1e-6, atol=1e-9)
