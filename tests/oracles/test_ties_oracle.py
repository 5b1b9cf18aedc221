"""Ties of a maximum or minimum that share the gradient, against PyTorch's amax and amin."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sympy import IndexedBase

from gradscribe.codegen.driver import compile_layer
from gradscribe.derive.layer.equations import Maximum, Minimum
from tests.cases.layers import LayerCase
from tests.derive.calculus.tied import N, a, e, n, plain, pool_by_kernel, pooling, tied_values

Array = np.ndarray


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


def by_torch(torch: Any, array: Array, dy: Array, reduce_: Callable[[Any], Any]) -> tuple[Array, Array]:
    given = torch.tensor(array, requires_grad=True)
    result = reduce_(given)
    result.backward(torch.tensor(dy))
    return result.detach().numpy(), given.grad.numpy()


@pytest.mark.oracle
@pytest.mark.parametrize("op", [Maximum, Minimum])
@pytest.mark.parametrize("seed", range(10))
def test_amax_and_amin(torch: Any, op: type, seed: int) -> None:
    rng = np.random.default_rng(seed)
    array, dy = tied_values(rng, (5, 7)), rng.normal(size=5)
    reduce_ = torch.amax if op is Maximum else torch.amin
    expected, slopes = by_torch(torch, array, dy, lambda t: reduce_(t, dim=1))
    own = compile_layer(plain(op, IndexedBase("y", shape=(N,))[n], a[n, e], e)).Own()
    np.testing.assert_array_equal(own(array), expected)
    np.testing.assert_allclose(own.backward(dy), slopes, atol=1e-12)


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(40))
def test_pooling_as_amax_of_unfolded_windows(torch: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    kernel, stride, dilation = (int(k) for k in rng.integers(1, 4, size=3))
    padding = int(rng.integers(0, kernel // 2 + 1))
    case = LayerCase(
        "max_pool2d",
        {"x": (2, 8, 7, 3)},
        {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation},
    )
    array = tied_values(rng, case.shapes["x"])

    def pooled(t: Any) -> Any:
        margins = (padding,) * 4
        planes = torch.nn.functional.pad(t.permute(0, 3, 1, 2), margins, value=-1e9)
        columns = torch.nn.functional.unfold(planes, kernel, dilation=dilation, stride=stride)
        columns = columns.reshape(2, 3, kernel * kernel, -1).amax(dim=2)
        rows, width = (pooling("split")[1].max_pool2d_forward(array, **case.options)[0].shape[k] for k in (1, 2))
        return columns.reshape(2, 3, rows, width).permute(0, 2, 3, 1)

    dy = rng.normal(size=pooling("split")[1].max_pool2d_forward(array, **case.options)[0].shape)
    _, slopes = by_torch(torch, array, dy, pooled)
    np.testing.assert_allclose(pool_by_kernel(case, array, dy, "split"), slopes, atol=1e-12)
    _, first = by_torch(
        torch,
        array,
        dy,
        lambda t: torch.nn.functional.max_pool2d(t.permute(0, 3, 1, 2), kernel, stride, padding, dilation).permute(
            0, 2, 3, 1
        ),
    )
    np.testing.assert_allclose(pool_by_kernel(case, array, dy, "first"), first, atol=1e-12)
