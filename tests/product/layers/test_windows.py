"""Conventions of windowed layers, without PyTorch: loops, equations between layers, small examples, refusals."""

import math
from typing import Any

import numpy as np
import pytest

from gradscribe.derive.catalogue.layers.convolutions.locally_connected import connected_conv2d
from tests.cases.windows import Array, layer, module, pooled, random_windows

RANKS = pytest.mark.parametrize("rank", [1, 2, 3])


def slopes(function: Any, x: Array, dy: Array) -> Array:
    """The gradient of the sum of dy * function(x) by central differences."""
    found = np.zeros(x.size)
    for k in range(x.size):
        step = np.zeros(x.shape)
        step.flat[k] = 1e-6
        found[k] = ((function(x + step) - function(x - step)) * dy).sum() / 2e-6
    return found.reshape(x.shape)


# ----- pooling against loops ------------------------------------------------------------------------------------------
@RANKS
@pytest.mark.parametrize("kind", ["max", "avg", "lp"])
def test_pooling_equals_plain_loops(rank: int, kind: str) -> None:
    """Also with what PyTorch lacks: different padding at both ends, dilated averages, padded norms."""
    for seed in range(40):
        rng = np.random.default_rng([seed, rank])
        windows = random_windows(rng, rank, pool=True, most=6)
        x = rng.normal(size=(int(rng.integers(0, 3)), *windows.extents, 2))
        include = bool(seed % 2)
        spans = zip(windows.dilation, windows.extents, windows.kernel, strict=True)
        if kind == "avg" and any(d > extent and kernel > 1 for d, extent, kernel in spans):
            continue  # refused, see below
        power = float(rng.choice([1.0, 2.0, 3.0, 1.5]))
        settings: dict[str, dict[str, Any]] = {"avg": {"count_include_pad": include}, "lp": {"norm_type": power}}
        own = settings.get(kind, {})
        found = layer(f"{kind}_pool{rank}d", windows.kernel, **windows.options, ceil_mode=windows.ceil_mode, **own)
        y = found(x)
        np.testing.assert_allclose(y, pooled(x, windows, kind, include, power), rtol=1e-12, atol=1e-12)
        dy = rng.normal(size=y.shape)
        finite = np.isfinite(y)
        dx = found.backward(np.where(finite, dy, 0))
        expected = slopes(lambda x, f=found, at=finite: np.where(at, f(x), 0), x, dy)
        np.testing.assert_allclose(dx, expected, atol=2e-6)


def test_the_last_window_of_ceil_mode() -> None:
    """It counts if it starts inside the input or the left padding, and what lies beyond the padding never counts."""
    five = np.arange(1.0, 6).reshape(1, 5, 1)
    assert layer("avg_pool1d", 2, ceil_mode=True)(five).ravel().tolist() == [1.5, 3.5, 5]
    square = np.arange(1.0, 17).reshape(1, 4, 4, 1)
    y = layer("avg_pool2d", 3, stride=2, padding=1, ceil_mode=True)(square)
    expected = [14 / 9, 30 / 9, 2, 57 / 9, 11, 6, 4.5, 7.5, 4]
    np.testing.assert_allclose(y.ravel(), expected, rtol=1e-14)
    # a window that would start in the right padding is dropped: positions -1 and 2, not 5 = 4 + 1
    assert layer("max_pool1d", 2, stride=3, padding=1, ceil_mode=True)(five[:, :4]).ravel().tolist() == [1, 4]


@pytest.mark.parametrize(("include", "expected"), [(True, [1, 2, 5 / 3]), (False, [1.5, 2, 2.5])])
def test_whether_padding_counts_in_a_mean(include: bool, expected: list[float]) -> None:
    x = np.arange(1.0, 4).reshape(1, 3, 1)
    y = layer("avg_pool1d", 3, stride=1, padding=1, count_include_pad=include)(x)
    np.testing.assert_allclose(y.ravel(), expected)


def test_padding_counts_by_default() -> None:
    x = np.ones((1, 2, 1))
    assert layer("avg_pool1d", 2, stride=1, padding=1)(x).ravel().tolist() == [0.5, 1, 0.5]


def test_dilated_mean() -> None:
    x = np.arange(6.0).reshape(1, 6, 1)
    assert layer("avg_pool1d", 2, stride=1, dilation=3)(x).ravel().tolist() == [1.5, 2.5, 3.5]


def test_a_window_wholly_in_padding() -> None:
    """One element, taps at -1 and 2: the maximum is -inf without a gradient, the norm 0, a mean is refused."""
    x = np.ones((1, 1, 1))
    options: dict[str, Any] = {"stride": 1, "padding": ((1, 2),), "dilation": 3}
    y, argmax = module("max_pool1d").max_pool1d_forward(x, kernel_size=2, **options)
    assert y.tolist() == [[[-np.inf]]]
    assert argmax.tolist() == [[[-1]]]
    dy = np.ones((1, 1, 1))
    dx = module("max_pool1d").max_pool1d_grad_input(dy, argmax, input_shape=(1, 1, 1), kernel_size=2, **options)
    assert dx.tolist() == [[[0]]]
    assert layer("lp_pool1d", 2, **options)(x).tolist() == [[[0]]]


def test_a_dilated_mean_that_could_step_over_the_input_is_refused() -> None:
    with pytest.raises(ValueError, match="dilation: expected at most the extent of the input, received 3"):
        layer("avg_pool1d", 2, stride=1, padding=1, dilation=3)(np.ones((1, 2, 1)))
    # a kernel of one element is not dilated
    assert layer("avg_pool1d", 1, dilation=3)(np.ones((1, 2, 1))).tolist() == [[[1], [1]]]


@RANKS
@pytest.mark.parametrize("kind", ["max", "avg", "lp"])
def test_padding_of_more_than_half_of_the_kernel_is_refused(rank: int, kind: str) -> None:
    with pytest.raises(ValueError, match="padding: expected at most half of the kernel's extent, received 2"):
        layer(f"{kind}_pool{rank}d", 3, padding=2)
    layer(f"{kind}_pool{rank}d", 3, padding=2, dilation=2)  # the dilated kernel has 5 elements


@RANKS
def test_ties_go_to_the_first_element_and_nan_is_passed_on(rank: int) -> None:
    x = np.ones((1, *(2,) * rank, 1))
    forward = getattr(module(f"max_pool{rank}d"), f"max_pool{rank}d_forward")
    assert forward(x, kernel_size=2)[1].ravel().tolist() == [0]
    x.reshape(-1)[1] = np.nan
    y, argmax = forward(x, kernel_size=2)
    assert np.isnan(y).all()
    assert argmax.ravel().tolist() == [1]
    assert np.isnan(layer(f"avg_pool{rank}d", 2)(x)).all()
    assert np.isnan(layer(f"lp_pool{rank}d", 2)(x)).all()


def test_the_norm_of_a_window_is_of_absolute_values() -> None:
    x = np.array([-3.0, 4, 0, 0, -2, -2]).reshape(1, 6, 1)
    assert layer("lp_pool1d", 2)(x).ravel().tolist() == [5, 0, pytest.approx(math.sqrt(8))]
    cubes = [(27 + 64) ** (1 / 3), 0, 16 ** (1 / 3)]
    np.testing.assert_allclose(layer("lp_pool1d", 2, norm_type=3)(x).ravel(), cubes)
    # all of the last window counts once, also when it is partial
    assert layer("lp_pool1d", 4, norm_type=1, ceil_mode=True)(x).ravel().tolist() == [7, 4]


@pytest.mark.parametrize("power", [1, 2, 3, 1.5])
def test_the_gradient_of_the_norm_of_zeros_is_zero(power: float) -> None:
    found = layer("lp_pool1d", 2, norm_type=power)
    found(np.array([0.0, 0, -3, 0]).reshape(1, 4, 1))
    assert found.backward(np.ones((1, 2, 1))).ravel().tolist() == [0, 0, pytest.approx(-1), 0]


@pytest.mark.parametrize("power", [0.5, -1, math.inf])
def test_a_norm_has_an_exponent_of_at_least_one(power: float) -> None:
    with pytest.raises(ValueError, match=f"norm_type: expected a number, at least 1 and at most 100, received {power}"):
        layer("lp_pool2d", 2, norm_type=power)


# ----- given output sizes ---------------------------------------------------------------------------------------------
def test_adaptive_windows() -> None:
    """Output position i sees the rows from floor(i*H/O) to ceil((i+1)*H/O), excluded."""
    for extent in range(1, 9):
        for size in range(1, 9):
            x = np.random.default_rng([extent, size]).normal(size=(2, extent, 3))
            rows = [slice(i * extent // size, -(-(i + 1) * extent // size)) for i in range(size)]
            means = np.stack([x[:, r].mean(axis=1) for r in rows], axis=1)
            np.testing.assert_allclose(layer("adaptive_avg_pool1d", size)(x), means, rtol=1e-13, atol=1e-13)
            largest = np.stack([x[:, r].max(axis=1) for r in rows], axis=1)
            np.testing.assert_array_equal(layer("adaptive_max_pool1d", size)(x), largest)


def test_adaptive_maximum_of_equal_elements_goes_to_the_first_in_row_major_order() -> None:
    x = np.zeros((1, 4, 4, 1))
    x[0, 1, 1] = x[0, 1, 0] = x[0, 0, 1] = 1
    found = layer("adaptive_max_pool2d", 2)
    found(x)
    dx = found.backward(np.ones((1, 2, 2, 1)))
    assert np.argwhere(dx[0, :, :, 0]).tolist() == [[0, 1], [0, 2], [2, 0], [2, 2]]


def test_global_pooling_takes_any_number_of_axes() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5, 6))
    for axes in range(4):
        given = x.reshape(2, *x.shape[1 : 1 + axes], -1)[..., :6] if axes else x[:, 0, 0, 0]
        middle = tuple(range(1, given.ndim - 1))
        np.testing.assert_allclose(layer("global_avg_pool")(given), given.mean(axis=middle), rtol=1e-13, atol=1e-14)
        np.testing.assert_array_equal(layer("global_max_pool")(given), given.max(axis=middle))


def test_subsampling_is_lenets() -> None:
    x = np.array([[0.1, 0.2], [0.3, -0.1]]).reshape(1, 2, 2, 1)
    found = layer("subsampling2d", 1, weights={"a": np.array([2.0]), "b": np.array([0.25])})
    value = 1.7159 * math.tanh(2 / 3 * (2 * 0.5 + 0.25))
    assert found(x).item() == pytest.approx(value, rel=1e-14)
    found.backward(np.ones((1, 1, 1, 1)))
    slope = 1.7159 * 2 / 3 * (1 - math.tanh(2 / 3 * 1.25) ** 2)
    assert found.grads["a"].item() == pytest.approx(slope * 0.5, rel=1e-12)
    assert found.grads["b"].item() == pytest.approx(slope, rel=1e-12)


# ----- convolutions by one another ------------------------------------------------------------------------------------
@RANKS
def test_a_transposed_convolution_is_the_input_gradient_of_the_convolution(rank: int) -> None:
    for seed in range(25):
        rng = np.random.default_rng([seed, rank])
        windows = random_windows(rng, rank, most=6)
        groups, c, k = (int(v) for v in rng.integers(1, 3, size=3))
        w = rng.normal(size=(*windows.kernel, c, groups * k))
        dy = rng.normal(size=(2, *windows.counts, groups * k))
        options = {**windows.options, "groups": groups}
        shape = (2, *windows.extents, groups * c)
        expected = getattr(module(f"conv{rank}d"), f"conv{rank}d_grad_input")(dy, w, input_shape=shape, **options)
        # the elements that no window reached are the output padding
        axes = zip(windows.extents, windows.counts, windows.kernel, windows.stride, windows.dilation, strict=True)
        spans = zip(axes, windows.padding, strict=True)
        more = tuple(e - ((n - 1) * s - sum(p) + d * (r - 1) + 1) for (e, n, r, s, d), p in spans)
        forward = getattr(module(f"conv_transpose{rank}d"), f"conv_transpose{rank}d_forward")
        np.testing.assert_allclose(forward(dy, w, output_padding=more, **options), expected, rtol=1e-12, atol=1e-12)


def test_output_padding_is_less_than_stride_or_dilation() -> None:
    x, w = np.ones((1, 3, 1)), np.ones((2, 1, 1))
    forward = module("conv_transpose1d").conv_transpose1d_forward
    assert forward(x, w, stride=2, output_padding=1).shape == (1, 7, 1)
    assert forward(x, w, dilation=3, output_padding=2).shape == (1, 8, 1)
    message = "output_padding: expected less than the stride or less than the dilation, received 2"
    with pytest.raises(ValueError, match=message):
        forward(x, w, stride=2, output_padding=2)


def test_transposed_convolution_of_one_pulse() -> None:
    """The kernel is laid down unturned at every stride; 'same' keeps the extent at stride 1."""
    x, w = np.array([1.0, 0, 2]).reshape(1, 3, 1), np.array([1.0, 2, 3]).reshape(3, 1, 1)
    forward = module("conv_transpose1d").conv_transpose1d_forward
    assert forward(x, w, np.array([10.0]), stride=2).ravel().tolist() == [11, 12, 13, 10, 12, 14, 16]
    assert forward(x, w, padding="same").ravel().tolist() == [2, 5, 4]


@pytest.mark.parametrize("rank", [1, 2])
def test_depthwise_convolution_is_a_grouped_convolution(rank: int) -> None:
    """Output channel M*c + m belongs to kernel m of channel c."""
    rng = np.random.default_rng(rank)
    x, w = rng.normal(size=(2, *(5,) * rank, 3)), rng.normal(size=(*(3,) * rank, 3, 2))
    own = getattr(module(f"depthwise_conv{rank}d"), f"depthwise_conv{rank}d_forward")(x, w, padding="same")
    conv = getattr(module(f"conv{rank}d"), f"conv{rank}d_forward")
    grouped = conv(x, w.reshape(*(3,) * rank, 1, 6), padding="same", groups=3)
    np.testing.assert_allclose(own, grouped, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rank", [1, 2])
def test_locally_connected_layer_with_equal_weights_is_a_convolution(rank: int) -> None:
    rng = np.random.default_rng(rank)
    x, w = rng.normal(size=(2, *(6,) * rank, 3)), rng.normal(size=(*(3,) * rank, 3, 4))
    everywhere = np.broadcast_to(w, (*(3,) * rank, *w.shape))
    own = getattr(module(f"locally_connected{rank}d"), f"locally_connected{rank}d_forward")
    conv = getattr(module(f"conv{rank}d"), f"conv{rank}d_forward")
    expected = conv(x, w, stride=2, padding=1)
    np.testing.assert_allclose(own(x, everywhere, stride=2, padding=1), expected, rtol=1e-12, atol=1e-12)


def lenet_table() -> Array:
    """Table I of LeCun et al. 1998 by its rule: three maps in a row, then four, three times two and two, then all."""
    rows = [[k % 6, (k + 1) % 6, (k + 2) % 6] for k in range(6)]
    rows += [[k % 6, (k + 1) % 6, (k + 2) % 6, (k + 3) % 6] for k in range(6)]
    rows += [[0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5], list(range(6))]
    table = np.zeros((6, 16))
    for channel, seen in enumerate(rows):
        table[seen, channel] = 1
    return table


def test_the_table_of_connections_in_the_docstring_is_lenets() -> None:
    lines = [line.strip() for line in (connected_conv2d.__doc__ or "").splitlines()]
    rows = [line for line in lines if line[:1].isdigit() and "X" in line]
    assert len(rows) == 6
    printed = np.array([[float(row.ljust(35)[4 + 2 * k] == "X") for k in range(16)] for row in rows])
    np.testing.assert_array_equal(printed, lenet_table())
    assert 25 * printed.sum() + 16 == 1516  # the parameters of C3 in the paper


def test_connections_that_are_absent_have_no_effect_and_no_gradient() -> None:
    rng = np.random.default_rng(3)
    table, w, b = lenet_table(), rng.normal(size=(5, 5, 6, 16)), rng.normal(size=16)
    x = rng.normal(size=(2, 14, 14, 6))
    found = layer("connected_conv2d", 6, 16, 5, weights={"w": w, "b": b})
    conv = module("conv2d")
    y = found(x, table)
    assert y.shape == (2, 10, 10, 16)
    np.testing.assert_allclose(y, conv.conv2d_forward(x, w * table, b), rtol=1e-12, atol=1e-12)
    dy = rng.normal(size=y.shape)
    expected = conv.conv2d_grad_input(dy, w * table, input_shape=x.shape)
    np.testing.assert_allclose(found.backward(dy), expected, rtol=1e-12, atol=1e-12)
    full = conv.conv2d_grad_weight(dy, x, kernel_size=5)
    np.testing.assert_allclose(found.grads["w"], full * table, rtol=1e-12, atol=1e-12)
    assert (found.grads["w"][:, :, table == 0] == 0).all()


# ----- all of them ----------------------------------------------------------------------------------------------------
SHAPES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    # name: features and sizes of the constructor, shape of x without the batch
    "conv1d": ((2, 3, 2), (5, 2)),
    "conv2d": ((2, 3, 2), (5, 4, 2)),
    "conv3d": ((2, 3, 2), (3, 4, 2, 2)),
    "conv_transpose1d": ((2, 3, 2), (5, 2)),
    "conv_transpose2d": ((2, 3, 2), (5, 4, 2)),
    "conv_transpose3d": ((2, 3, 2), (3, 4, 2, 2)),
    "depthwise_conv1d": ((2, 3, 2), (5, 2)),
    "depthwise_conv2d": ((2, 3, 2), (5, 4, 2)),
    "locally_connected1d": ((2, 3, 5, 2), (5, 2)),
    "locally_connected2d": ((2, 3, 5, 4, 2), (5, 4, 2)),
    "subsampling2d": ((2,), (4, 5, 2)),
    **{f"{kind}_pool{rank}d": ((2,), (*(4, 5, 3)[:rank], 2)) for kind in ("max", "avg", "lp") for rank in (1, 2, 3)},
    "global_avg_pool": ((), (3, 4, 2)),
    "global_max_pool": ((), (3, 4, 2)),
    **{f"adaptive_{kind}_pool{rank}d": ((2,), (*(4, 5)[:rank], 2)) for kind in ("max", "avg") for rank in (1, 2)},
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("batch", [0, 1, 3])
def test_float32_stays_float32_and_an_empty_batch_is_a_batch(name: str, batch: int) -> None:
    arguments, shape = SHAPES[name]
    x = np.random.default_rng(0).normal(size=(batch, *shape)).astype(np.float32)
    found = layer(name, *arguments)
    y = found(x)
    assert y.dtype == np.float32
    assert len(y) == batch
    dx = found.backward(np.ones_like(y))
    assert dx.dtype == np.float32
    assert dx.shape == x.shape
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()
    for key, weight in found.params.items():
        assert weight.dtype == found.grads[key].dtype == np.float32
        assert weight.shape == found.grads[key].shape
        assert found.grads[key].any() == bool(batch)
