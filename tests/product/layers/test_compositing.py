"""Compositing along a ray and the nearest vector of a codebook: against PyTorch's autograd, and by hand."""

from typing import Any

import numpy as np
import pytest

from tests.oracles.autograd import built, compare, with_weights


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(8))
def test_compositing(torch: Any, seed: int) -> None:
    """Some samples are opaque: what is behind them has a gradient of 0, and what hides it has that of what it hides."""
    rng = np.random.default_rng(seed)
    leading = tuple(int(v) for v in rng.integers(1, 4, size=seed % 3))
    samples, channels = (int(v) for v in rng.integers(1, 7, size=2))
    a = np.where(rng.random((*leading, samples)) < 0.3, 1.0, rng.random((*leading, samples)))
    x = rng.normal(size=(*leading, samples, channels))

    def reference(x: Any, a: Any) -> Any:
        seen = torch.cumprod(torch.cat([torch.ones_like(a[..., :1]), 1 - a], -1), -1)[..., :-1]
        return ((seen * a)[..., None] * x).sum(-2)

    compare(built("alpha_compositing"), [x, a], reference, rng)


def test_an_opaque_sample_hides_what_is_behind() -> None:
    layer = built("alpha_compositing")
    x, a = np.arange(6.0).reshape(1, 3, 2), np.array([[0.25, 1.0, 0.5]])
    np.testing.assert_array_equal(layer(x, a), 0.25 * x[:, 0] + 0.75 * x[:, 1])
    dx, da = layer.backward(np.ones((1, 2)))
    np.testing.assert_array_equal(dx[0, :, 0], [0.25, 0.75, 0])
    behind = 0.5 * x[0, 2].sum()  # what would be seen if the second sample were not there
    np.testing.assert_array_equal(da[0], [x[0, 0].sum() - x[0, 1].sum(), 0.75 * (x[0, 1].sum() - behind), 0])


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(8))
def test_the_nearest_vector(torch: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    leading = tuple(int(v) for v in rng.integers(1, 4, size=seed % 3))
    number, features = (int(v) for v in rng.integers(1, 7, size=2))
    x, w = rng.normal(size=(*leading, features)), rng.normal(size=(number, features))
    layer = with_weights("vector_quantizer", (number, features), {"w": w})
    y, t = layer(x)
    book = torch.tensor(w, requires_grad=True)
    nearest = torch.cdist(torch.tensor(x).reshape(-1, features), book.detach()).argmin(-1).reshape(leading)
    np.testing.assert_array_equal(t, nearest)
    found = torch.nn.functional.embedding(nearest, book)
    np.testing.assert_array_equal(y, found.detach())
    dy = rng.normal(size=y.shape)
    found.backward(torch.tensor(dy))
    assert not layer.backward(dy).any()
    np.testing.assert_allclose(layer.grads["w"], book.grad, rtol=1e-12)


def test_of_vectors_as_near_the_first_is_taken() -> None:
    layer = with_weights("vector_quantizer", (3, 1), {"w": np.array([[2.0], [-1.0], [1.0]])})
    y, t = layer(np.array([[0.0], [1.5], [9.0], [np.nan]]))
    np.testing.assert_array_equal(t, [1, 0, 0, 0])
    np.testing.assert_array_equal(y[:, 0], [-1, 2, 2, 2])
