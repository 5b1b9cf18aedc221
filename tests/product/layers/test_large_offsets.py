"""Losses and normalisations in float32 far from 0, against float64 on the same numbers.

A loss adds what is at least 0, or subtracts first: its relative error does not grow with the offset.
What is normalised cannot be known better than the input: an offset of so many standard deviations costs as many units.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tests.oracles.autograd import built

EPS = float(np.finfo(np.float32).eps)
LOSS = 4 * EPS
"""Relative error of a loss; of an element, of log_softmax and its like, as well."""
OFFSETS = [0.0, 1e2, -1e2, 1e4, -1e4, 1e6]
Array = np.ndarray


def narrow(value: Any) -> Any:
    """The value in float32, if it is no integer."""
    return value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


def wide(value: Any) -> Any:
    """The same number in float64."""
    return value.astype(np.float64) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


def both(name: str, options: dict[str, Any], *arguments: Any) -> tuple[Any, Any, Any, Any]:
    """The value in float32 and in float64, and the gradients by the first input."""
    found = []
    for kind in (narrow, lambda a: wide(narrow(a))):
        layer = built(name, **options)
        value = layer(*map(kind, arguments))
        gradient = layer.backward() if np.ndim(value) == 0 else layer.backward(np.ones_like(value))
        found += [value, gradient[0] if isinstance(gradient, tuple) else gradient]
    return found[0], found[2], found[1], found[3]


def test_the_cross_entropy_of_large_scores() -> None:
    """log(1 + e^-1 + e^-1000)"""
    x, t = np.array([[1e4, 9999, 9e3]], np.float32), np.array([0])
    for name in ("softmax_cross_entropy", "cross_entropy"):
        assert built(name)(x, t) == pytest.approx(0.31326168751822286, rel=LOSS)


@dataclass(frozen=True)
class Loss:
    """A loss of scores around an offset."""

    name: str
    arguments: Callable[[np.random.Generator, float], tuple[Any, ...]]
    options: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return "-".join([self.name, *(name for name, _ in self.options)])


def scores(rng: np.random.Generator, offset: float) -> Array:
    """Such that every label's share differs from 0 and 1 by what float32 can tell."""
    return (offset + 3 * rng.normal(size=(40, 7))).astype(np.float32)


def labelled(rng: np.random.Generator, offset: float) -> tuple[Any, ...]:
    return scores(rng, offset), rng.integers(7, size=40)


def weighted(rng: np.random.Generator, offset: float) -> tuple[Any, ...]:
    return (*labelled(rng, offset), rng.uniform(0.1, 3, size=7))


def likely(rng: np.random.Generator, offset: float) -> tuple[Any, ...]:
    """Log-probabilities, those of other offsets almost one-hot."""
    x = scores(rng, 0).astype(np.float64) * (1 + abs(offset) / 100)
    x -= x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True)), rng.integers(7, size=40)


def binary(rng: np.random.Generator, offset: float) -> tuple[Any, ...]:
    """The label is the one that the sign of the score says: the loss is small beside the scores."""
    x = np.clip(offset, -60, 60) + scores(rng, 0).reshape(-1)
    return x, (x > 0).astype(float)


def nearby(rng: np.random.Generator, offset: float) -> tuple[Any, ...]:
    """A distribution and one that is close to it, or far away."""
    p, q = rng.dirichlet(np.ones(7), size=40), rng.dirichlet(np.ones(7), size=40)
    return np.log(p + q * min(1, 1 / (1 + abs(offset)))), p


def distant(rng: np.random.Generator, offset: float) -> tuple[Any, ...]:
    x = scores(rng, offset)
    return x, x + rng.choice([-2, -0.5, 0.25, 4], size=x.shape).astype(np.float32)


LOSSES = [
    Loss("softmax_cross_entropy", labelled),
    Loss("cross_entropy", labelled),
    Loss("cross_entropy", weighted, (("label_smoothing", 0.2),)),
    Loss("cross_entropy", weighted, (("ignore_index", 2), ("label_smoothing", 0.7))),
    Loss("nll_loss", likely),
    Loss("map_criterion", labelled),
    Loss("map_criterion", labelled, (("rubbish", 1e4),)),
    Loss("binary_cross_entropy_with_logits", binary),
    Loss("mean_squared_error", distant),
    Loss("l1_loss", distant),
    Loss("huber_loss", distant),
    Loss("smooth_l1_loss", distant),
]


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_losses(loss: Loss, offset: float) -> None:
    arguments = loss.arguments(np.random.default_rng(7), offset)
    value, expected, gradient, slope = both(loss.name, dict(loss.options), *arguments)
    assert value.dtype == gradient.dtype == np.float32
    assert float(value) == pytest.approx(float(expected), rel=LOSS, abs=0)
    np.testing.assert_allclose(gradient, slope, rtol=8 * EPS, atol=2 * EPS * np.abs(slope).max())


@pytest.mark.parametrize("offset", OFFSETS)
def test_the_divergence(offset: float) -> None:
    """Of nearby distributions it is a sum of both signs: the error is relative to what is added."""
    x, t = nearby(np.random.default_rng(3), offset)
    value, expected, _, _ = both("kl_divergence", {}, x, t)
    x, t = (wide(narrow(v)) for v in (x, t))
    assert abs(value - expected) <= 4 * EPS * (np.abs(t * (np.log(t) - x)).sum() + t.sum()) / len(t)


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("name", ["log_softmax", "softmax"])
def test_softmaxes(name: str, offset: float) -> None:
    value, expected, _, _ = both(name, {}, scores(np.random.default_rng(5), offset))
    np.testing.assert_allclose(value, expected, rtol=32 * EPS if name == "softmax" else 8 * EPS, atol=2 * EPS)


@pytest.mark.parametrize("name", ["log_sigmoid", "softplus"])
def test_logarithms_of_sigmoids(name: str) -> None:
    """Every element with a small relative error, where exp does not underflow."""
    x = np.concatenate([np.linspace(-80, 80, 2001), [-1e4, 1e4, -1e30, 1e30]]).astype(np.float32)
    value, expected, _, _ = both(name, {}, x)
    np.testing.assert_allclose(value, expected, rtol=4 * EPS, atol=1e-44)


NORMALISATIONS = ["batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm"]


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("name", NORMALISATIONS)
def test_normalisations(name: str, offset: float) -> None:
    """The mean is rounded, which moves all results by half a unit of the offset; the variance is not lost."""
    rng = np.random.default_rng(11)
    x = (offset + rng.normal(size=(6, 50, 40, 8))).astype(np.float32)
    options = {"num_groups": 2} if name == "group_norm" else {}
    made = [built(name, 8, dtype=dtype, **options) for dtype in (np.float32, np.float64)]
    value, expected = (layer(v) for layer, v in zip(made, (x, wide(x)), strict=True))
    condition = 1 + abs(offset) if name != "rms_norm" else 1
    assert np.abs(value - expected).max() <= 4 * EPS * condition * max(1, np.abs(expected).max())
    if name != "rms_norm":
        assert np.std(value) == pytest.approx(np.std(expected), rel=1e-5 + (EPS * condition) ** 2)
