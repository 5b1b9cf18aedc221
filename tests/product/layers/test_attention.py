"""Scaled dot-product attention: against PyTorch's autograd, and by hand where nothing is seen."""

from typing import Any

import numpy as np
import pytest

from tests.oracles.autograd import built, compare

NAME = "scaled_dot_product_attention"


@pytest.fixture
def functional() -> Any:
    return pytest.importorskip("torch").nn.functional


def sample(rng: np.random.Generator, square: bool = False) -> list[np.ndarray]:
    leading = tuple(int(v) for v in rng.integers(1, 4, size=int(rng.integers(0, 3))))
    queries, keys, features, values = (int(v) for v in rng.integers(1, 7, size=4))
    keys = queries if square else keys
    shapes = [(queries, features), (keys, features), (keys, values)]
    return [rng.normal(size=(*leading, *shape)) for shape in shapes]


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize("is_causal", [False, True])
def test_attention(functional: Any, seed: int, is_causal: bool) -> None:
    rng = np.random.default_rng(seed)
    inputs = sample(rng)
    reference = lambda q, k, v: functional.scaled_dot_product_attention(q, k, v, is_causal=is_causal)  # noqa: E731
    compare(built(NAME, is_causal=is_causal), inputs, reference, rng)


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(15))
def test_attention_with_a_mask(functional: Any, seed: int) -> None:
    """Real numbers, and -infinity in some rows wholly."""
    rng = np.random.default_rng(seed)
    q, k, v = sample(rng)
    mask = rng.normal(size=(q.shape[-2], k.shape[-2]))
    mask[rng.random(mask.shape) < 0.3] = -np.inf
    mask[0] = -np.inf if seed % 3 == 0 else mask[0]

    def reference(q: Any, k: Any, v: Any, m: Any) -> Any:
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=m.detach())

    compare(built(NAME), [q, k, v, mask], reference, rng)


@pytest.mark.oracle
def test_a_causal_mask_beside_another(functional: Any) -> None:
    rng = np.random.default_rng(0)
    q, k, v = (rng.normal(size=(2, 4, 3)) for _ in range(3))
    mask = rng.normal(size=(4, 4))
    below = np.where(np.tri(4, dtype=bool), mask, -np.inf)
    with_both = built(NAME, is_causal=True)(q, k, v, mask)
    np.testing.assert_allclose(with_both, built(NAME)(q, k, v, below), rtol=1e-13)


def test_heads_are_one_more_leading_axis() -> None:
    rng = np.random.default_rng(0)
    q, k, v = rng.normal(size=(3, 2, 4, 5, 3))
    layer = built(NAME)
    heads = np.stack([layer(q[:, h], k[:, h], v[:, h]) for h in range(4)], axis=1)
    np.testing.assert_allclose(layer(q, k, v), heads, rtol=1e-13)


def test_scores_far_out_do_not_overflow() -> None:
    q, k, v = np.array([[1000.0]]), np.array([[1000.0], [-1000.0], [999.0]]), np.array([[1.0], [2.0], [3.0]])
    layer = built(NAME)
    assert layer(q, k, v).tolist() == [[1]]
    dq, dk, dv = layer.backward(np.ones((1, 1)))
    assert dq.tolist() == [[0]]
    assert dk.tolist() == [[0], [0], [0]]
    assert dv.tolist() == [[1], [0], [0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_query_that_sees_no_key(dtype: Any) -> None:
    """It yields 0 and passes 0 back, as in PyTorch since 2.5."""
    ones = np.ones((2, 2), dtype)
    layer = built(NAME)
    y = layer(ones, ones, ones, np.array([[-np.inf, -np.inf], [0, 0]], dtype))
    assert y.dtype == dtype
    assert y.tolist() == [[0, 0], [1, 1]]
    dq, dk, dv = layer.backward(ones)
    assert {dq.dtype, dk.dtype, dv.dtype} == {np.dtype(dtype)}
    assert dq.tolist() == [[0, 0], [0, 0]]
    assert dv.tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_nan_is_passed_on() -> None:
    q, k, v = np.array([[np.nan], [1.0]]), np.ones((2, 1)), np.ones((2, 1))
    np.testing.assert_array_equal(built(NAME)(q, k, v), [[np.nan], [1.0]])
