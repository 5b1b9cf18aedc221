"""Losses: against PyTorch's autograd, and by hand where conventions differ."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.oracles.autograd import built, compare

SHAPES = [(1,), (5,), (3, 4), (2, 1, 3), (2, 2, 2, 2)]
SEEDS = pytest.mark.parametrize("seed", range(12))


@pytest.fixture
def functional() -> Any:
    return pytest.importorskip("torch").nn.functional


def class_batch(rng: np.random.Generator, scale: float = 3.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, labels and class weights; there may be several axes before the classes."""
    classes = int(rng.integers(1, 8))
    shape = tuple(int(v) for v in rng.integers(1, 5, size=int(rng.integers(1, 4))))
    return scale * rng.normal(size=(*shape, classes)), rng.integers(classes, size=shape), rng.uniform(0.2, 3, classes)


# ----- element by element --------------------------------------------------------------------------------------------
ELEMENTWISE: list[tuple[str, dict[str, float], Callable[[Any], Callable[..., Any]], str]] = [
    ("mean_squared_error", {}, lambda f: f.mse_loss, "real"),
    ("l1_loss", {}, lambda f: f.l1_loss, "real"),
    ("huber_loss", {}, lambda f: f.huber_loss, "real"),
    ("huber_loss", {"delta": 0.3}, lambda f: lambda x, t: f.huber_loss(x, t, delta=0.3), "real"),
    ("smooth_l1_loss", {}, lambda f: f.smooth_l1_loss, "real"),
    ("smooth_l1_loss", {"beta": 0.3}, lambda f: lambda x, t: f.smooth_l1_loss(x, t, beta=0.3), "real"),
    ("smooth_l1_loss", {"beta": 0.0}, lambda f: lambda x, t: f.smooth_l1_loss(x, t, beta=0.0), "real"),
    ("binary_cross_entropy", {}, lambda f: f.binary_cross_entropy, "probability"),
    ("binary_cross_entropy_with_logits", {}, lambda f: f.binary_cross_entropy_with_logits, "label"),
    ("kl_divergence", {}, lambda f: lambda x, t: f.kl_div(x, t, reduction="batchmean"), "label"),
]


@pytest.mark.oracle
@pytest.mark.parametrize(
    ("name", "options", "reference", "domain"), ELEMENTWISE, ids=lambda v: str(v) if isinstance(v, str | dict) else ""
)
@pytest.mark.parametrize("shape", SHAPES)
def test_elementwise_losses(
    functional: Any, name: str, options: dict[str, float], reference: Any, domain: str, shape: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(len(shape))
    x = rng.uniform(0.01, 0.99, size=shape) if domain == "probability" else 2 * rng.normal(size=shape)
    t = 2 * rng.normal(size=shape) if domain == "real" else rng.uniform(size=shape) * (rng.random(shape) < 0.7)
    if domain == "real":
        t.ravel()[0] = x.ravel()[0]  # the kink
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of branches that do not count: 0*log(0), r*r/0
        compare(built(name, **options), [x, t], reference(functional), rng)


@pytest.mark.parametrize("scale", [1e3, 1e300])
def test_logits_far_out_do_not_overflow(scale: float) -> None:
    layer = built("binary_cross_entropy_with_logits")
    assert layer(np.array([scale, -scale]), np.array([1.0, 0.0])) == 0
    assert layer.backward().tolist() == [0, 0]
    assert layer(np.array([scale, -scale]), np.array([0.0, 1.0])) == scale
    assert layer.backward().tolist() == [0.5, -0.5]


def test_the_huber_loss_is_delta_times_the_smooth_absolute_error() -> None:
    x, t = np.array([0.1, 0.7, -3.0]), np.zeros(3)
    huber, smooth = built("huber_loss", delta=0.5), built("smooth_l1_loss", beta=0.5)
    assert huber(x, t) == pytest.approx((0.1**2 / 2 + 0.5 * (0.7 - 0.25) + 0.5 * (3 - 0.25)) / 3)
    assert huber(x, t) == pytest.approx(0.5 * smooth(x, t))
    np.testing.assert_allclose(huber.backward(), [0.1 / 3, 0.5 / 3, -0.5 / 3])
    np.testing.assert_allclose(smooth.backward(), [0.2 / 3, 1 / 3, -1 / 3])


def test_the_slope_of_the_absolute_error_is_0_where_it_is_0() -> None:
    layer = built("l1_loss")
    assert layer(np.array([2.0, -1.0, 3.0]), np.array([2.0, 1.0, 1.0])) == pytest.approx(4 / 3)
    np.testing.assert_allclose(layer.backward(), [0, -1 / 3, 1 / 3])


def test_logarithms_of_probabilities_end_at_minus_100() -> None:
    """PyTorch has these values; its gradient divides by at least 1e-12 instead, which is another function's."""
    layer = built("binary_cross_entropy")
    with np.errstate(divide="ignore"):
        assert layer(np.array([0.0, 1.0]), np.array([1.0, 0.0])) == 100
        assert layer.backward().tolist() == [0, 0]
        assert layer(np.array([0.0, 1.0]), np.array([0.0, 1.0])) == 0
        assert layer.backward().tolist() == [0.5, -0.5]


def test_a_target_of_probability_0_adds_nothing_to_the_divergence() -> None:
    layer = built("kl_divergence")
    with np.errstate(divide="ignore", invalid="ignore"):
        value = layer(np.log([[0.5, 0.5], [0.25, 0.75]]), np.array([[1.0, 0.0], [0.25, 0.75]]))
    assert value == pytest.approx(math.log(2) / 2)  # the mean over the batch, not over the elements
    np.testing.assert_allclose(layer.backward(), [[-0.5, 0], [-0.125, -0.375]])


def test_the_hinge_loss() -> None:
    layer = built("hinge_loss")
    assert layer(np.array([0.5, 2.0, 0.5, -1.0]), np.array([1.0, 1.0, -1.0, -1.0])) == pytest.approx((0.5 + 1.5) / 4)
    np.testing.assert_allclose(layer.backward(), [-0.25, 0, 0.25, 0])


# ----- labels --------------------------------------------------------------------------------------------------------
@pytest.mark.oracle
@SEEDS
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_cross_entropy(functional: Any, seed: int, smoothing: float) -> None:
    rng = np.random.default_rng(seed)
    x, t, w = class_batch(rng, 1.0 if seed % 2 else 300.0)
    ignored = int(rng.choice([-100, -1, 0, 2]))
    t = np.where(rng.random(t.shape) < 0.3, -abs(ignored) if ignored < 0 else t, t)
    if not (t != ignored).any():
        pytest.skip("no label counts")

    def reference(x: Any, t: Any, w: Any) -> Any:
        rows, weights = x.reshape(-1, x.shape[-1]), w.detach()
        return functional.cross_entropy(
            rows, t.reshape(-1), weight=weights, ignore_index=ignored, label_smoothing=smoothing
        )

    compare(built("cross_entropy", ignore_index=ignored, label_smoothing=smoothing), [x, t, w], reference, rng)


@pytest.mark.oracle
@SEEDS
def test_nll_loss(functional: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, t, w = class_batch(rng)
    t.ravel()[1:2] = -100

    def reference(x: Any, t: Any, w: Any) -> Any:
        return functional.nll_loss(x.reshape(-1, x.shape[-1]), t.reshape(-1), weight=w.detach())

    compare(built("nll_loss"), [x, t, w], reference, rng)


@pytest.mark.oracle
@SEEDS
def test_softmax_cross_entropy(functional: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(1, 6)), int(rng.integers(1, 9))
    x, t = rng.normal(size=(n, k)) * 100, rng.integers(k, size=n)
    compare(built("softmax_cross_entropy"), [x, t], functional.cross_entropy, rng)


def test_cross_entropy_by_hand() -> None:
    """Probabilities 1/4 and 3/4; the mean is over the weights of the labels that count."""
    x = np.log([[1.0, 3.0], [1.0, 3.0], [1.0, 3.0]])
    t, w = np.array([0, 1, -100]), np.array([2.0, 1.0])
    layer = built("cross_entropy")
    assert layer(x, t, w) == pytest.approx((2 * math.log(4) + math.log(4 / 3)) / 3)
    expected = np.array([[-1.5, 1.5], [0.25, -0.25], [0, 0]]) / 3
    np.testing.assert_allclose(layer.backward(), expected, atol=1e-15)


def test_smoothed_labels_by_hand() -> None:
    """A label keeps 1 - 0.2, and both classes get half of 0.2."""
    layer = built("cross_entropy", label_smoothing=0.2)
    value = layer(np.log([[1.0, 3.0]]), np.array([0]), np.ones(2))
    assert value == pytest.approx(0.9 * math.log(4) + 0.1 * math.log(4 / 3))
    np.testing.assert_allclose(layer.backward(), [[0.25 - 0.9, 0.75 - 0.1]])


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_absent_class_weights_are_ones(name: str, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(5, 3)).astype(dtype), np.array([0, 2, -100, 1, 2])
    without, ones = built(name), built(name)
    assert without(x, t) == ones(x, t, np.ones(3, dtype))
    np.testing.assert_array_equal(without.backward(), ones.backward())
    assert without.backward().dtype == dtype


def test_a_class_that_is_impossible() -> None:
    layer = built("cross_entropy")
    with np.errstate(invalid="ignore"):  # 0 times infinity, which a bracket keeps out of the sum
        assert layer(np.array([[0.0, -np.inf]]), np.array([0]), np.ones(2)) == 0
    assert layer.backward().tolist() == [[0, 0]]


def test_no_label_at_all_has_no_mean() -> None:
    with np.errstate(invalid="ignore"):
        assert np.isnan(built("cross_entropy")(np.zeros((2, 3)), np.array([-100, -100]), np.ones(3)))


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_only_the_ignored_label_is_no_class(name: str) -> None:
    x, w = np.zeros((2, 3)), np.ones(3)
    for wrong in (-1, 3):
        with pytest.raises(ValueError, match=f"argument t: expected labels from 0 to 2, received {wrong}"):
            built(name)(x, np.array([-100, wrong]), w)
    built(name, ignore_index=-1)(x, np.array([-1, 2]), w)


def test_the_map_criterion_by_hand() -> None:
    """Equation 9 of LeCun et al. with penalties 1 and 2, the label 0 and j = 3."""
    layer = built("map_criterion", rubbish=3.0)
    total = math.exp(-3) + math.exp(-1) + math.exp(-2)
    assert layer(np.array([[1.0, 2.0]]), np.array([0])) == pytest.approx(1 + math.log(total))
    np.testing.assert_allclose(layer.backward(), [[1 - math.exp(-1) / total, -math.exp(-2) / total]])


@pytest.mark.oracle
@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_the_map_criterion(scale: float) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    x, t = scale * rng.uniform(size=(6, 10)), rng.integers(10, size=6)

    def reference(x: Any, t: Any) -> Any:
        rubbish = torch.full((len(x), 1), -1.0, dtype=x.dtype)
        return (x.gather(1, t[:, None])[:, 0] + torch.logsumexp(torch.cat([-x, rubbish], 1), 1)).mean()

    compare(built("map_criterion"), [x, t], reference, rng)


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss", "map_criterion", "huber_loss", "binary_cross_entropy"])
def test_float32_stays_float32(name: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0.1, 0.9, size=(3, 4)).astype(np.float32)
    labels = [np.array([0, 3, 1])] + [np.ones(4, np.float32)] * (name in ("cross_entropy", "nll_loss"))
    targets = labels if name not in ("huber_loss", "binary_cross_entropy") else [x[::-1].copy()]
    layer = built(name)
    assert layer(x, *targets).dtype == np.float32
    assert layer.backward().dtype == np.float32
