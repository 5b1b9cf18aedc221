"""Dense layers, branches that join and LeNet-5's output layer: against PyTorch's autograd and by hand."""

from typing import Any

import numpy as np
import pytest

from tests.oracles.autograd import built, compare, with_weights

LEADING = pytest.mark.parametrize("leading", [(), (3,), (0,), (2, 3), (2, 1, 4)], ids=str)


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


@pytest.mark.oracle
@LEADING
@pytest.mark.parametrize("bias", [True, False])
def test_dense(torch: Any, leading: tuple[int, ...], bias: bool) -> None:
    rng = np.random.default_rng(len(leading))
    weights = {"w": rng.normal(size=(4, 5))} | ({"b": rng.normal(size=5)} if bias else {})
    layer = with_weights("dense", (4, 5), weights, bias=bias)
    compare(layer, [rng.normal(size=(*leading, 4))], lambda x, w, b=None: torch.nn.functional.linear(x, w.T, b), rng)


@pytest.mark.oracle
@LEADING
@pytest.mark.parametrize("bias", [True, False])
def test_bilinear(torch: Any, leading: tuple[int, ...], bias: bool) -> None:
    rng = np.random.default_rng(len(leading))
    weights = {"w": rng.normal(size=(3, 4, 5))} | ({"b": rng.normal(size=5)} if bias else {})
    layer = with_weights("bilinear", (3, 4, 5), weights, bias=bias)
    inputs = [rng.normal(size=(*leading, 3)), rng.normal(size=(*leading, 4))]
    reference = lambda x, z, w, b=None: torch.nn.functional.bilinear(x, z, w.permute(2, 0, 1), b)  # noqa: E731
    compare(layer, inputs, reference, rng)


@pytest.mark.oracle
@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (0, 2)], ids=str)
def test_embedding(torch: Any, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    layer = with_weights("embedding", (4, 3), {"w": rng.normal(size=(4, 3))})
    compare(layer, [rng.integers(4, size=shape)], lambda t, w: w[t], rng)


def test_rows_of_an_embedding_that_are_read_twice_get_both_gradients() -> None:
    layer = with_weights("embedding", (3, 2), {"w": np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])})
    assert layer(np.array([2, 0, 2])).tolist() == [[5, 6], [1, 2], [5, 6]]
    assert layer.backward(np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]])) is None
    assert layer.grads["w"].tolist() == [[0, 1], [0, 0], [3, 2]]


def test_a_label_beyond_the_table_is_refused() -> None:
    layer = built("embedding", 3, 2)
    with pytest.raises(ValueError, match="embedding: argument t: expected labels from 0 to 2, received 3"):
        layer(np.array([0, 3]))


@LEADING
def test_residual_addition(leading: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x, z, dy = rng.normal(size=(3, *leading))
    layer = built("residual_add")
    np.testing.assert_array_equal(layer(x, z), x + z)
    for gradient in layer.backward(dy):
        np.testing.assert_array_equal(gradient, dy)


@LEADING
def test_concatenation(leading: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(*leading, 3)), rng.normal(size=(*leading, 2))
    dy = rng.normal(size=(*leading, 5))
    layer = built("concatenation")
    np.testing.assert_array_equal(layer(x, z), np.concatenate([x, z], axis=-1))
    dx, dz = layer.backward(dy)
    np.testing.assert_array_equal(dx, dy[..., :3])
    np.testing.assert_array_equal(dz, dy[..., 3:])


def test_branches_of_different_shapes_do_not_join() -> None:
    with pytest.raises(ValueError, match="residual_add: argument z"):
        built("residual_add")(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="concatenation: argument z"):
        built("concatenation")(np.zeros((2, 3)), np.zeros((3, 4)))


@pytest.mark.oracle
def test_rbf(torch: Any) -> None:
    rng = np.random.default_rng(0)
    layer = with_weights("rbf", (84, 10), {"w": rng.choice([-1.0, 1.0], size=(10, 84))})
    compare(layer, [rng.normal(size=(3, 84))], lambda x, w: torch.cdist(x, w) ** 2, rng)


def test_rbf_by_hand() -> None:
    layer = with_weights("rbf", (2, 2), {"w": np.array([[1.0, -1.0], [0.0, 3.0]])})
    assert layer(np.array([[1.0, 1.0]])).tolist() == [[4, 5]]
    assert layer.backward(np.array([[1.0, 10.0]])).tolist() == [[20, 4 - 40]]
    assert layer.grads["w"].tolist() == [[0, -4], [-20, 40]]


@pytest.mark.parametrize("name", ["dense", "bilinear", "rbf", "concatenation", "residual_add"])
def test_float32_stays_float32(name: str) -> None:
    sizes = {"dense": (3, 2), "bilinear": (3, 3, 2), "rbf": (3, 2)}.get(name, ())
    x = np.ones((4, 3), np.float32)
    layer = built(name, *sizes)
    y = layer(*[x] * (1 if name in ("dense", "rbf") else 2))
    gradients = layer.backward(np.ones_like(y))
    found = [y, *(gradients if isinstance(gradients, tuple) else (gradients,)), *layer.grads.values()]
    assert {a.dtype for a in found} == {np.dtype(np.float32)}
