"""Conventions of resampling and padding layers, without PyTorch: NumPy's own pad and repeat, orders, limits."""

from typing import Any

import numpy as np
import pytest

from tests.cases.windows import Array, layer

MODES = {"reflection": "reflect", "replication": "edge", "circular": "wrap"}


def adjoint(found: Any, x: Array, rng: np.random.Generator) -> None:
    """A linear layer's gradient is its transpose: <dy, f(x) - f(0)> = <dx, x>."""
    offset = found(np.zeros_like(x))
    y = found(x)
    dy = rng.normal(size=y.shape)
    assert (dy * (y - offset)).sum() == pytest.approx((found.backward(dy) * x).sum(), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("name", MODES)
def test_padding_by_elements_is_numpys_pad(name: str, rank: int) -> None:
    """Pairs (start, end) per axis, the first axis first: PyTorch's order is last axis first."""
    for seed in range(40):
        rng = np.random.default_rng([seed, rank])
        extents = [int(v) for v in rng.integers(1, 6, size=rank)]
        most = [e + {"reflection": -1, "replication": 3, "circular": 0}[name] for e in extents]
        padding = tuple((int(rng.integers(m + 1)), int(rng.integers(m + 1))) for m in most)
        x = rng.normal(size=(int(rng.integers(0, 3)), *extents, 2))
        found = layer(f"{name}_pad{rank}d", padding)
        np.testing.assert_array_equal(found(x), np.pad(x, ((0, 0), *padding, (0, 0)), mode=MODES[name]))  # type: ignore[call-overload]
        adjoint(found, x, rng)


@pytest.mark.parametrize("value", [None, 0.0, -1.5, np.inf, np.nan])
def test_padding_by_a_constant(value: float | None) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 4, 2))
    options = {} if value is None else {"value": value}
    found = layer("constant_pad2d" if options else "zero_pad2d", ((1, 2), (0, 3)), **options)
    expected = np.pad(x, ((0, 0), (1, 2), (0, 3), (0, 0)), constant_values=value or 0.0)
    np.testing.assert_array_equal(found(x), expected)
    dy = rng.normal(size=expected.shape)
    np.testing.assert_array_equal(found.backward(dy), dy[:, 1:4, :4])


def test_padding_by_zeros_of_an_image_with_nan_keeps_the_zeros() -> None:
    x = np.full((1, 2, 2, 1), np.nan)
    y = layer("zero_pad2d", 1)(x)[0, :, :, 0]
    assert np.isnan(y[1:3, 1:3]).all()
    assert y[0].tolist() == y[3].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("name", "padding", "message"),
    [
        ("reflection_pad1d", 3, "padding: expected less than the extent, received 3"),
        ("reflection_pad2d", ((0, 0), (0, 3)), "padding: expected less than the extent"),
        ("circular_pad1d", 4, "padding: expected at most the extent, received 4"),
        ("circular_pad2d", ((4, 0), (0, 0)), "padding: expected at most the extent"),
        ("zero_pad2d", -1, "padding: expected at least 0, received -1"),
        ("zero_pad2d", (1, 2, 3, 4), "padding: expected an integer or 2 axes"),
    ],
)
def test_padding_beyond_the_limits_is_refused(name: str, padding: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layer(name, padding)(np.ones((1, *(3,) * int(name[-2]), 1)))


@pytest.mark.parametrize("rank", [1, 2])
def test_upsampling_repeats(rank: int) -> None:
    rng = np.random.default_rng(rank)
    x = rng.normal(size=(2, 3, 4, 2)) if rank == 2 else rng.normal(size=(2, 3, 2))
    found = layer(f"upsample_nearest{rank}d", (2, 3)[:rank])
    expected = x.repeat(2, axis=1).repeat(3, axis=2) if rank == 2 else x.repeat(2, axis=1)
    np.testing.assert_array_equal(found(x), expected)
    adjoint(found, x, rng)


@pytest.mark.parametrize("scales", [(1, 1), (2, 3), (4, 2)])
def test_bilinear_upsampling_is_numpys_interpolation_along_each_axis(scales: tuple[int, int]) -> None:
    """The centres of pixels lie half a pixel within the image; beyond the first and the last one stand these."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2, 3, 1, 2))
    x = np.concatenate([x, rng.normal(size=(2, 3, 3, 2))], axis=2)

    def along(axis: int, scale: int, values: Array) -> Array:
        extent = values.shape[axis]
        places = (np.arange(scale * extent) + 0.5) / scale - 0.5
        return np.apply_along_axis(lambda row: np.interp(places, np.arange(extent), row), axis, values)

    found = layer("upsample_bilinear2d", scales)
    np.testing.assert_allclose(found(x), along(2, scales[1], along(1, scales[0], x)), rtol=1e-12, atol=1e-12)
    adjoint(found, x, rng)
    row = layer("upsample_bilinear1d", scales[1])
    np.testing.assert_allclose(row(x[0]), along(1, scales[1], x[0]), rtol=1e-12, atol=1e-12)


def test_the_channel_order_of_pixel_shuffle() -> None:
    """The four pixels of one output channel stand together, row by row: PyTorch's order, not depth-to-space's DCR."""
    x = np.arange(8.0).reshape(1, 1, 1, 8)
    y = layer("pixel_shuffle", 2)(x)
    assert y[0, :, :, 0].tolist() == [[0, 1], [2, 3]]
    assert y[0, :, :, 1].tolist() == [[4, 5], [6, 7]]
    np.testing.assert_array_equal(layer("pixel_unshuffle", 2)(y), x)


def test_pixel_shuffle_and_unshuffle_undo_each_other_and_are_adjoint() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(2, 3, 2, 18))
    shuffle, unshuffle = layer("pixel_shuffle", 3), layer("pixel_unshuffle", 3)
    y = shuffle(x)
    assert y.shape == (2, 9, 6, 2)
    np.testing.assert_array_equal(unshuffle(y), x)
    np.testing.assert_array_equal(shuffle.backward(y), x)
    np.testing.assert_array_equal(unshuffle.backward(x), y)


def test_channels_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match="expected a multiple of 4, received 6"):
        layer("pixel_shuffle", 2)(np.ones((1, 2, 2, 6)))
    with pytest.raises(ValueError, match="expected a multiple of 2, received 3"):
        layer("pixel_unshuffle", 2)(np.ones((1, 3, 2, 1)))


NAMES = [f"{name}_pad{rank}d" for name in MODES for rank in (1, 2)]


@pytest.mark.parametrize("name", [*NAMES, "upsample_nearest1d", "upsample_nearest2d", "constant_pad2d", "zero_pad2d"])
def test_float32_stays_float32(name: str) -> None:
    x = np.ones((2, *(3,) * int(name[-2]), 1), np.float32)
    found = layer(name, 2)
    y = found(x)
    assert y.dtype == np.float32
    assert found.backward(y).dtype == np.float32
