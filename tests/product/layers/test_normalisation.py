"""Softmax and normalisation layers: hand-computed values, conventions, hard numbers, and PyTorch."""

import math
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from gradscribe.codegen.driver import compile_layer
from gradscribe.derive.catalogue.layers import LAYERS

Array = np.ndarray
AFFINE = ("batch_norm", "batch_norm_inference", "layer_norm", "group_norm", "instance_norm")


@cache
def module(name: str) -> ModuleType:
    return compile_layer(LAYERS[name]())


def layer(name: str, *sizes: int, **options: Any) -> Any:
    return getattr(module(name), LAYERS[name]().class_name)(*sizes, **options)


def forward(name: str, *arrays: Array, **options: Any) -> Array:
    """The first output."""
    result = getattr(module(name), f"{name}_forward")(*arrays, **options)
    return result[0] if isinstance(result, tuple) else result


def plain(x: Array, axes: tuple[int, ...], eps: float) -> Array:
    """Normalised by mean and biased variance over `axes`."""
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


# ----- conventions, by hand -------------------------------------------------------------------------------------------
def test_batch_norm_by_hand() -> None:
    x = np.array([[1.0, 5.0], [3.0, 5.0], [5.0, 8.0]])  # means 3 and 6, biased variances 8/3 and 2
    gamma, beta = np.array([2.0, 3.0]), np.array([10.0, 20.0])
    mean, var = np.array([1.0, -1.0]), np.array([4.0, 2.0])
    y, new_mean, new_var, *_ = module("batch_norm").batch_norm_forward(
        x, gamma, beta, mean, var, eps=1e-300, momentum=0.25
    )
    root = math.sqrt(8 / 3)
    np.testing.assert_allclose(y[:, 0], [10 - 4 / root, 10, 10 + 4 / root], rtol=1e-14)
    np.testing.assert_allclose(y[:, 1], 20 + 3 * np.array([-1, -1, 2]) / math.sqrt(2), rtol=1e-14)
    np.testing.assert_allclose(new_mean, [0.75 * 1 + 0.25 * 3, 0.75 * -1 + 0.25 * 6], rtol=1e-14)
    np.testing.assert_allclose(new_var, [0.75 * 4 + 0.25 * 4, 0.75 * 2 + 0.25 * 3], rtol=1e-14)  # unbiased: 8/2, 6/2


def test_layer_norm_by_hand() -> None:
    x = np.array([[1.0, 3.0, 5.0]])
    y = forward("layer_norm", x, np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.0, 0.0]), eps=1 / 3)
    np.testing.assert_allclose(y, [[0.5 - 2 / math.sqrt(3), 0.0, 6 / math.sqrt(3)]], rtol=1e-14)  # 8/3 + 1/3


def test_rms_norm_by_hand() -> None:
    y = forward("rms_norm", np.array([3.0, 4.0]), np.array([1.0, 10.0]), eps=0.0)
    np.testing.assert_allclose(y, [3 / math.sqrt(12.5), 40 / math.sqrt(12.5)], rtol=1e-14)


def test_group_norm_takes_neighbouring_channels() -> None:
    x = np.array([[[1.0, 3.0, 10.0, 30.0]]])
    y = forward("group_norm", x, np.ones(4), np.zeros(4), num_groups=2, eps=0.0)
    np.testing.assert_allclose(y, [[[-1.0, 1.0, -1.0, 1.0]]], rtol=1e-14)


def test_local_response_norm_divides_alpha_by_the_size_and_looks_back_farther_at_even_sizes() -> None:
    x = np.array([1.0, 2.0, 3.0, 4.0])
    y = forward("local_response_norm", x, size=2, alpha=6.0, beta=0.5, k=1.0)  # channels c-1 and c, alpha/2 = 3
    np.testing.assert_allclose(y, [1 / 2, 2 / 4, 3 / math.sqrt(40), 4 / math.sqrt(76)], rtol=1e-14)
    y = forward("local_response_norm", x, size=3, alpha=3.0, beta=1.0, k=2.0)  # channels c-1, c, c+1
    np.testing.assert_allclose(y, [1 / 7, 2 / 16, 3 / 31, 4 / 27], rtol=1e-14)


def test_softmax_by_hand() -> None:
    x = np.log([[1.0, 2.0, 5.0], [3.0, 3.0, 6.0]])
    np.testing.assert_allclose(forward("softmax", x), [[1 / 8, 2 / 8, 5 / 8], [1 / 4, 1 / 4, 1 / 2]], rtol=1e-14)
    np.testing.assert_allclose(np.exp(forward("log_softmax", x[0])), [1 / 8, 2 / 8, 5 / 8], rtol=1e-14)


def test_softmax_gradients_are_the_textbook_formulas() -> None:
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4))
    p = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    softmax, log_softmax = layer("softmax"), layer("log_softmax")
    softmax(x), log_softmax(x)
    np.testing.assert_allclose(softmax.backward(dy), p * (dy - (dy * p).sum(-1, keepdims=True)), rtol=1e-12)
    np.testing.assert_allclose(log_softmax.backward(dy), dy - p * dy.sum(-1, keepdims=True), rtol=1e-12)


def test_the_backward_of_softmax_needs_its_output_only() -> None:
    found = module("softmax")
    y = found.softmax_forward(np.array([[0.3, 0.7]]))
    assert isinstance(y, np.ndarray)
    np.testing.assert_allclose(
        found.softmax_grad_input(np.array([[1.0, 0.0]]), y), y[0, 0] * y[0, 1] * np.array([[1.0, -1.0]])
    )


@pytest.mark.parametrize("name", [*AFFINE, "rms_norm"])
def test_weights_start_as_the_identity(name: str) -> None:
    built = layer(name, 4, **({"num_groups": 2} if name == "group_norm" else {}))
    np.testing.assert_array_equal(built.params["gamma"], np.ones(4, np.float32))
    assert built.params["gamma"].dtype == np.float32
    if name in AFFINE:
        np.testing.assert_array_equal(built.params["beta"], np.zeros(4))


def test_untouched_weights_leave_plain_normalisation() -> None:
    x = np.random.default_rng(1).normal(size=(2, 5, 3))
    np.testing.assert_allclose(layer("instance_norm", 3, dtype=np.float64)(x), plain(x, (1,), 1e-5), rtol=1e-12)
    np.testing.assert_allclose(layer("layer_norm", 3, dtype=np.float64)(x), plain(x, (2,), 1e-5), rtol=1e-12)
    grouped = layer("group_norm", 3, num_groups=1, dtype=np.float64)(x)
    np.testing.assert_allclose(grouped, plain(x, (1, 2), 1e-5), rtol=1e-12)


def test_the_class_of_batch_norm_keeps_running_statistics() -> None:
    rng = np.random.default_rng(3)
    built = layer("batch_norm", 2, momentum=0.25)
    np.testing.assert_array_equal(built.state["running_mean"], np.zeros(2, np.float32))
    np.testing.assert_array_equal(built.state["running_var"], np.ones(2, np.float32))
    mean, var = np.zeros(2), np.ones(2)
    for _ in range(3):
        x = rng.normal(size=(5, 3, 2)).astype(np.float32)
        y = built(x)
        mean = 0.75 * mean + 0.25 * x.mean((0, 1))
        var = 0.75 * var + 0.25 * x.var((0, 1), ddof=1)
        np.testing.assert_allclose(y, plain(x, (0, 1), 1e-5), rtol=1e-4, atol=1e-5)
        dx = built.backward(np.ones_like(x))
        assert y.dtype == dx.dtype == built.state["running_var"].dtype == np.float32
    np.testing.assert_allclose(built.state["running_mean"], mean, rtol=1e-5)
    np.testing.assert_allclose(built.state["running_var"], var, rtol=1e-5)
    assert sorted(built.params) == sorted(built.grads) == ["beta", "gamma"]


# ----- hard numbers ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_of_large_scores(dtype: Any) -> None:
    x = np.array([[1e4, 1e4 - 2, -1e4], [-1e30, -1e30, -1e30]], dtype)
    with np.errstate(all="raise", under="ignore"):
        y, z = forward("softmax", x), forward("log_softmax", x)
    assert y.dtype == z.dtype == dtype
    share = 1 / (1 + math.exp(-2))
    np.testing.assert_allclose(y, [[share, 1 - share, 0.0], [1 / 3] * 3], rtol=1e-6)
    np.testing.assert_allclose(
        z, [[math.log(share), math.log(share) - 2, math.log(share) - 2e4], [-math.log(3)] * 3], rtol=1e-6
    )


def test_softmax_with_excluded_classes() -> None:
    y = forward("softmax", np.array([0.0, -math.inf, math.log(3)]))
    np.testing.assert_allclose(y, [0.25, 0.0, 0.75], rtol=1e-14)


def test_one_element_per_channel_gives_beta() -> None:
    built = layer("batch_norm", 2, dtype=np.float64)
    built.params["beta"][:] = [3.0, -1.0]
    y, _, new_var, *_ = module("batch_norm").batch_norm_forward(
        np.array([[7.0, 8.0]]), built.params["gamma"], built.params["beta"], np.zeros(2), np.ones(2)
    )
    np.testing.assert_array_equal(y, [[3.0, -1.0]])
    np.testing.assert_allclose(new_var, [0.9, 0.9])
    dx = module("batch_norm").batch_norm_grad_input(np.array([[5.0, 6.0]]), np.ones(2), np.zeros(2), np.zeros((1, 2)))
    np.testing.assert_allclose(dx, [[0.0, 0.0]], atol=1e-10)


def test_large_offset_in_float32() -> None:
    """The variance takes differences first, and the mean of many elements is added up in float64."""
    rng = np.random.default_rng(2)
    x = (rng.normal(size=(200_000, 2)) + 1000).astype(np.float32)
    ones, zeros = np.ones(2, np.float32), np.zeros(2, np.float32)
    y, new_mean, new_var, *_ = module("batch_norm").batch_norm_forward(x, ones, zeros, zeros, ones)
    assert y.dtype == new_mean.dtype == new_var.dtype == np.float32
    exact = x.astype(np.float64)
    np.testing.assert_allclose(new_mean, 0.1 * exact.mean(0), rtol=1e-6)
    np.testing.assert_allclose(new_var, 0.9 + 0.1 * exact.var(0, ddof=1), rtol=1e-5)
    np.testing.assert_allclose(y, plain(exact, (0,), 1e-5), atol=2e-4)
    rows = x[:500].reshape(10, 100)
    y = forward("layer_norm", rows, np.ones(100, np.float32), np.zeros(100, np.float32))
    np.testing.assert_allclose(y, plain(rows.astype(np.float64), (1,), 1e-5), atol=2e-4)


# ----- against PyTorch ------------------------------------------------------------------------------------------------
def values(
    torch: Any, rng: np.random.Generator, shape: tuple[int, ...], channels: int
) -> tuple[list[Array], list[Any]]:
    """x, gamma, beta, running_mean and running_var, and the same as tensors."""
    arrays = [rng.normal(size=s) * 2 + 1 for s in (shape, (channels,), (channels,), (channels,))]
    arrays.append(rng.uniform(0.5, 2, size=channels))
    return arrays, [torch.tensor(a, requires_grad=k < 3) for k, a in enumerate(arrays)]


def first(x: Any) -> Any:
    """Channels behind the batch, as PyTorch has them."""
    return x.movedim(-1, 1)


def agree(ours: Array, theirs: Any) -> None:
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-9, atol=1e-10)


SHAPES = [(6, 4), (3, 5, 4), (2, 3, 2, 4), (2, 1, 1, 4), (2, 3, 1, 2, 4)]


@pytest.mark.oracle
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", AFFINE)
def test_normalisation_agrees_with_pytorch(name: str, shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    f, rng, eps = torch.nn.functional, np.random.default_rng(len(shape)), 1e-3
    if name == "instance_norm" and math.prod(shape[1:-1]) == 1:
        pytest.skip("PyTorch refuses one element per channel")
    (x, gamma, beta, mean, var), (tx, tg, tb, tm, tv) = values(torch, rng, shape, 4)
    running = (mean, var) if name.startswith("batch") else ()
    options: dict[str, Any] = {"eps": eps, **({"num_groups": 2} if name == "group_norm" else {})}
    cases: dict[str, Callable[[], Any]] = {
        "batch_norm": lambda: f.batch_norm(first(tx), tm, tv, tg, tb, training=True, momentum=0.1, eps=eps),
        "batch_norm_inference": lambda: f.batch_norm(first(tx), tm, tv, tg, tb, eps=eps),
        "layer_norm": lambda: first(f.layer_norm(tx, (4,), tg, tb, eps)),
        "group_norm": lambda: f.group_norm(first(tx), 2, tg, tb, eps),
        "instance_norm": lambda: f.instance_norm(first(tx), None, None, tg, tb, eps=eps),
    }
    expected = cases[name]().movedim(1, -1)
    found = module(name)
    names = [*found.__dict__[f"{name}_forward"].__annotations__]
    assert names[:3] == ["x", "gamma", "beta"]
    results = getattr(found, f"{name}_forward")(x, gamma, beta, *running, **options)
    agree(results[0], expected)
    if name == "batch_norm":
        agree(results[1], tm)  # PyTorch has updated them in place
        agree(results[2], tv)
    dy = rng.normal(size=shape)
    expected.backward(torch.tensor(dy))
    saved = dict(zip(("x", "gamma", "beta", "running_mean", "running_var"), (x, gamma, beta, mean, var), strict=True))
    saved |= dict(zip(kept_names(name), results, strict=True)) | {"dy": dy}
    for gradient, theirs in (("input", tx), ("gamma", tg), ("beta", tb)):
        function = getattr(found, f"{name}_grad_{gradient}")
        taken = {k: saved[k] for k in function.__annotations__ if k in saved}
        chosen = {k: v for k, v in options.items() if k in function.__annotations__}
        agree(function(**taken, **chosen), theirs.grad)


def kept_names(name: str) -> tuple[str, ...]:
    """What the forward function returns."""
    from gradscribe.codegen.kernel.kernel import kernels

    return kernels(LAYERS[name]())[0].results


@pytest.mark.oracle
@pytest.mark.parametrize("shape", [(7,), (2, 7), (3, 1, 7), (2, 3, 2, 7), (0, 7), (2, 1)])
def test_rms_norm_and_softmax_agree_with_pytorch(shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    f, rng = torch.nn.functional, np.random.default_rng(sum(shape))
    x, dy, gamma = rng.normal(size=shape) * 3, rng.normal(size=shape), rng.normal(size=shape[-1])
    rms = layer("rms_norm", shape[-1], eps=1e-3, dtype=np.float64)
    rms.params["gamma"] = gamma
    tg = torch.tensor(gamma, requires_grad=True)
    pairs: list[tuple[Any, Callable[[Any], Any]]] = [
        (layer("softmax"), lambda t: t.softmax(-1)),
        (layer("log_softmax"), lambda t: t.log_softmax(-1)),
        (rms, lambda t: f.rms_norm(t, (shape[-1],), tg, 1e-3)),
    ]
    for built, function in pairs:
        tx = torch.tensor(x, requires_grad=True)
        expected = function(tx)
        expected.backward(torch.tensor(dy))
        agree(built(x), expected)
        agree(built.backward(dy), tx.grad)
    agree(rms.grads["gamma"], tg.grad)


@pytest.mark.oracle
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("shape", [(2, 6), (2, 3, 5), (1, 2, 3, 4), (3, 2, 1)])
def test_local_response_norm_agrees_with_pytorch(size: int, shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(size)
    x, dy = rng.normal(size=shape), rng.normal(size=shape)
    built = layer("local_response_norm", size, alpha=0.7, beta=0.6, k=1.5)
    tx = torch.tensor(x, requires_grad=True)
    planes = first(tx) if len(shape) > 2 else tx[..., None]  # PyTorch wants three axes
    expected = torch.nn.functional.local_response_norm(planes, size, alpha=0.7, beta=0.6, k=1.5)
    expected = expected.movedim(1, -1) if len(shape) > 2 else expected[..., 0]
    expected.backward(torch.tensor(dy))
    agree(built(x), expected)
    agree(built.backward(dy), tx.grad)
