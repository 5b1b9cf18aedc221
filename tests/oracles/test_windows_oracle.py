"""Windowed layers and resampling against PyTorch, forward and every gradient through the layer classes."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.cases.windows import Windows, layer, random_windows

torch = pytest.importorskip("torch")
F = torch.nn.functional
pytestmark = pytest.mark.oracle

Array = np.ndarray
RANKS = pytest.mark.parametrize("rank", [1, 2, 3])
COUNT = 90
"""Random shapes per layer."""


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def first(t: Any) -> Any:
    """Channels first."""
    return t.movedim(-1, 1)


def last(t: Any) -> Any:
    """Channels last."""
    return t.movedim(1, -1)


def torch_pad(t: Any, padding: tuple[tuple[int, int], ...], mode: str = "constant", value: float = 0.0) -> Any:
    """PyTorch's pad: last axis first."""
    ends = [end for pair in reversed(padding) for end in pair]
    return F.pad(t, ends, value=value) if mode == "constant" else F.pad(t, ends, mode=mode)


def compare(found: Any, x: Array, reference: Callable[..., Any], rng: np.random.Generator, *others: Array) -> None:
    """Output, gradient of x and gradients of all weights; `reference` takes x and the weights as tensors."""
    tx = torch.tensor(x, requires_grad=True)
    weights = {name: torch.tensor(value, requires_grad=True) for name, value in found.params.items()}
    expected = reference(tx, **weights)
    y = found(x, *others)
    agree(y, expected)
    dy = np.asarray(rng.normal(size=y.shape))
    expected.backward(torch.tensor(dy))
    agree(found.backward(dy), tx.grad)
    for name, weight in weights.items():
        agree(found.grads[name], weight.grad)


def agree(ours: Array, theirs: Any) -> None:
    theirs = theirs.detach().numpy()
    assert ours.shape == theirs.shape
    assert ours.dtype == np.float64
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * max(1.0, float(np.abs(theirs).max(initial=0.0))))


def batch(rng: np.random.Generator) -> int:
    return int(rng.integers(1, 4))


# ----- convolutions ---------------------------------------------------------------------------------------------------
def weights_of(rng: np.random.Generator, shape: tuple[int, ...], channels: int) -> dict[str, Array]:
    found = {"w": rng.normal(size=shape)}
    return found | ({"b": rng.normal(size=channels)} if rng.random() < 0.7 else {})


@RANKS
def test_convolutions(rank: int) -> None:
    convolve = [F.conv1d, F.conv2d, F.conv3d][rank - 1]
    for seed in range(COUNT):
        rng = np.random.default_rng([seed, rank])
        windows = random_windows(rng, rank)
        groups = int(rng.choice([1, 1, 2, 3]))
        c, k = (int(v) for v in rng.integers(1, 4, size=2))
        weights = weights_of(rng, (*windows.kernel, c, groups * k), groups * k)

        def reference(x: Any, w: Any, b: Any = None, windows: Windows = windows, groups: int = groups) -> Any:
            kernel = w.movedim((-1, -2), (0, 1)).contiguous()
            padded = torch_pad(first(x), windows.padding)
            return last(convolve(padded, kernel, b, windows.stride, 0, windows.dilation, groups))

        x = rng.normal(size=(batch(rng), *windows.extents, groups * c))
        options = {**windows.options, "groups": groups}
        found = layer(f"conv{rank}d", groups * c, groups * k, windows.kernel, weights=weights, **options)
        compare(found, x, reference, rng)


@RANKS
def test_transposed_convolutions(rank: int) -> None:
    convolve = [F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d][rank - 1]
    native = 0
    for seed in range(COUNT):
        rng = np.random.default_rng([seed, rank])
        windows = random_windows(rng, rank, most=4)
        groups = int(rng.choice([1, 1, 2, 3]))
        c, k = (int(v) for v in rng.integers(1, 4, size=2))
        weights = weights_of(rng, (*windows.kernel, k, groups * c), groups * k)
        more = tuple(int(rng.integers(max(s, d))) for s, d in zip(windows.stride, windows.dilation, strict=True))
        reach = [d * (r - 1) for d, r in zip(windows.dilation, windows.kernel, strict=True)]
        spans = list(zip(windows.extents, windows.stride, reach, more, windows.padding, strict=True))
        if any((e - 1) * s + r + o + 1 <= sum(p) for e, s, r, o, p in spans):
            continue

        def reference(
            x: Any, w: Any, b: Any = None, windows: Windows = windows, groups: int = groups, more: Any = more
        ) -> Any:
            kernel = w.movedim((-1, -2), (0, 1)).contiguous()
            common = {"stride": windows.stride, "dilation": windows.dilation, "groups": groups}
            if windows.symmetric:
                starts = tuple(start for start, _ in windows.padding)
                return last(convolve(first(x), kernel, b, padding=starts, output_padding=more, **common))
            whole = torch_pad(convolve(first(x), kernel, **common), tuple((0, o) for o in more))
            cut = torch_pad(whole, tuple((-start, -end) for start, end in windows.padding))
            return last(cut) + (0 if b is None else b)

        native += windows.symmetric
        x = rng.normal(size=(batch(rng), *windows.extents, groups * c))
        options = {**windows.options, "groups": groups, "output_padding": more}
        found = layer(f"conv_transpose{rank}d", groups * c, groups * k, windows.kernel, weights=weights, **options)
        compare(found, x, reference, rng)
    assert native > 10


@pytest.mark.parametrize("rank", [1, 2])
def test_depthwise_convolutions(rank: int) -> None:
    convolve = [F.conv1d, F.conv2d][rank - 1]
    for seed in range(COUNT):
        rng = np.random.default_rng([seed, rank])
        windows = random_windows(rng, rank)
        c, m = (int(v) for v in rng.integers(1, 4, size=2))
        weights = weights_of(rng, (*windows.kernel, c, m), c * m)

        def reference(x: Any, w: Any, b: Any = None, windows: Windows = windows, c: int = c, m: int = m) -> Any:
            kernel = w.movedim((-2, -1), (0, 1)).reshape(c * m, 1, *windows.kernel)
            padded = torch_pad(first(x), windows.padding)
            return last(convolve(padded, kernel, b, windows.stride, 0, windows.dilation, groups=c))

        x = rng.normal(size=(batch(rng), *windows.extents, c))
        found = layer(f"depthwise_conv{rank}d", c, m, windows.kernel, weights=weights, **windows.options)
        compare(found, x, reference, rng)


@pytest.mark.parametrize("rank", [1, 2])
def test_locally_connected_layers(rank: int) -> None:
    for seed in range(COUNT // 2):
        rng = np.random.default_rng([seed, rank])
        windows = random_windows(rng, rank, most=5)
        c, k = (int(v) for v in rng.integers(1, 4, size=2))
        weights = {"w": rng.normal(size=(*windows.counts, *windows.kernel, c, k))}
        if rng.random() < 0.7:
            weights["b"] = rng.normal(size=(*windows.counts, k))

        def reference(x: Any, w: Any, b: Any = None, windows: Windows = windows, k: int = k) -> Any:
            padded = last(torch_pad(first(x), windows.padding))
            out = []
            for place in np.ndindex(*windows.counts):
                axes = zip(place, windows.stride, windows.dilation, windows.kernel, strict=True)
                cut = tuple(slice(i * s, i * s + d * (r - 1) + 1, d) for i, s, d, r in axes)
                patch = padded[(slice(None), *cut)].reshape(len(x), -1)
                out.append(patch @ w[place].reshape(-1, k) + (0 if b is None else b[place]))
            return torch.stack(out, 1).reshape(len(x), *windows.counts, k)

        x = rng.normal(size=(batch(rng), *windows.extents, c))
        extents = windows.extents
        found = layer(f"locally_connected{rank}d", c, k, *extents, windows.kernel, weights=weights, **windows.options)
        compare(found, x, reference, rng)


def test_convolution_with_a_table_of_connections() -> None:
    for seed in range(COUNT // 2):
        rng = np.random.default_rng(seed)
        windows = random_windows(rng, 2)
        c, k = (int(v) for v in rng.integers(1, 5, size=2))
        table = rng.integers(2, size=(c, k)).astype(float)
        weights = weights_of(rng, (*windows.kernel, c, k), k)

        def reference(x: Any, w: Any, b: Any = None, windows: Windows = windows, table: Array = table) -> Any:
            kernel = (w * torch.tensor(table)).permute(3, 2, 0, 1).contiguous()
            padded = torch_pad(first(x), windows.padding)
            return last(F.conv2d(padded, kernel, b, windows.stride, 0, windows.dilation))

        x = rng.normal(size=(batch(rng), *windows.extents, c))
        found = layer("connected_conv2d", c, k, windows.kernel, weights=weights, **windows.options)
        compare(found, x, reference, rng, table)


# ----- pooling --------------------------------------------------------------------------------------------------------
def comparable(windows: Windows) -> bool:
    """Whether PyTorch has this padding: alike on both sides, at most half of the undilated kernel."""
    pairs = zip(windows.padding, windows.kernel, strict=True)
    return windows.symmetric and all(start <= kernel // 2 for (start, _), kernel in pairs)


def starts(windows: Windows) -> tuple[int, ...]:
    return tuple(start for start, _ in windows.padding)


@RANKS
@pytest.mark.parametrize("kind", ["random", "ties", "negative"])
def test_max_pooling(rank: int, kind: str) -> None:
    pool = [F.max_pool1d, F.max_pool2d, F.max_pool3d][rank - 1]
    compared = 0
    for seed in range(2 * COUNT):
        rng = np.random.default_rng([seed, rank])
        windows = random_windows(rng, rank, pool=True)
        x = rng.normal(size=(batch(rng), *windows.extents, 2))
        x = np.round(x) if kind == "ties" else x - 10 if kind == "negative" else x
        options = {**windows.options, "ceil_mode": windows.ceil_mode}
        found = layer(f"max_pool{rank}d", windows.kernel, **options)
        # PyTorch's backward writes out of bounds where a window sees no element
        if not comparable(windows) or not np.isfinite(found(x)).all():
            continue
        compared += 1
        own = {**options, "padding": starts(windows)}
        compare(found, x, lambda x, w=windows, own=own: last(pool(first(x), w.kernel, **own)), rng)
    assert compared > 30


@RANKS
def test_average_pooling(rank: int) -> None:
    pool = [F.avg_pool1d, F.avg_pool2d, F.avg_pool3d][rank - 1]
    compared = 0
    for seed in range(2 * COUNT):
        rng = np.random.default_rng([seed, rank])
        windows = random_windows(rng, rank, pool=True)
        if not comparable(windows) or set(windows.dilation) != {1}:
            continue
        if rank == 3 and any(k > e for k, e in zip(windows.kernel, windows.extents, strict=True)):
            continue  # PyTorch wants kernels no larger than the unpadded input here
        compared += 1
        own: dict[str, Any] = {
            "stride": windows.stride,
            "ceil_mode": windows.ceil_mode,
            "count_include_pad": bool(seed % 2),
        }
        x = rng.normal(size=(batch(rng), *windows.extents, 2))
        found = layer(f"avg_pool{rank}d", windows.kernel, padding=windows.padding, **own)
        own["padding"] = starts(windows)
        compare(found, x, lambda x, w=windows, own=own: last(pool(first(x), w.kernel, **own)), rng)
    assert compared > 20


@RANKS
@pytest.mark.parametrize("power", [1.0, 2.0, 3.0, 2.5])
def test_power_pooling_of_positive_numbers(rank: int, power: float) -> None:
    pool = [F.lp_pool1d, F.lp_pool2d, F.lp_pool3d][rank - 1]
    for seed in range(COUNT // 3):
        rng = np.random.default_rng([seed, rank])
        windows = random_windows(rng, rank, pool=True)
        if any(k > e for k, e in zip(windows.kernel, windows.extents, strict=True)):
            continue
        x = 0.1 + rng.random(size=(batch(rng), *windows.extents, 2))
        found = layer(f"lp_pool{rank}d", windows.kernel, stride=windows.stride, norm_type=power)
        kernel, step = (windows.kernel[0], windows.stride[0]) if rank == 1 else (windows.kernel, windows.stride)
        compare(found, x, lambda x, k=kernel, s=step: last(pool(first(x), power, k, s)), rng)


@RANKS
def test_global_pooling(rank: int) -> None:
    pool = [F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d][rank - 1]
    for seed in range(30):
        rng = np.random.default_rng([seed, rank])
        x = np.round(2 * rng.normal(size=tuple(rng.integers(1, 6, size=rank + 2))))
        compare(layer("global_avg_pool"), x, lambda x: x.flatten(1, -2).mean(1), rng)
        compare(layer("global_max_pool"), x, lambda x: pool(first(x), 1).flatten(1), rng)


@pytest.mark.parametrize("rank", [1, 2])
def test_adaptive_pooling(rank: int) -> None:
    average = [F.adaptive_avg_pool1d, F.adaptive_avg_pool2d][rank - 1]
    largest = [F.adaptive_max_pool1d, F.adaptive_max_pool2d][rank - 1]
    for seed in range(COUNT):
        rng = np.random.default_rng([seed, rank])
        extents, size = (tuple(int(v) for v in rng.integers(1, 10, size=rank)) for _ in range(2))
        x = np.round(2 * rng.normal(size=(batch(rng), *extents, 2)))  # ties
        for kind, pool in (("avg", average), ("max", largest)):
            found = layer(f"adaptive_{kind}_pool{rank}d", size)
            compare(found, x, lambda x, pool=pool, size=size: last(pool(first(x), size)), rng)


def test_subsampling() -> None:
    for seed in range(COUNT // 2):
        rng = np.random.default_rng(seed)
        windows = random_windows(rng, 2)
        kernel, extents = windows.kernel, tuple(e + k for e, k in zip(windows.extents, windows.kernel, strict=True))
        weights = {"a": rng.normal(size=3), "b": rng.normal(size=3)}

        def reference(x: Any, a: Any, b: Any, kernel: Any = kernel, stride: Any = windows.stride) -> Any:
            summed = last(F.avg_pool2d(first(x), kernel, stride)) * kernel[0] * kernel[1]
            return 1.7159 * torch.tanh(2 / 3 * (a * summed + b))

        x = rng.normal(size=(batch(rng), *extents, 3))
        found = layer("subsampling2d", 3, weights=weights, kernel_size=kernel, stride=windows.stride)
        compare(found, x, reference, rng)


# ----- resampling and padding -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("rank", [1, 2])
def test_upsampling(rank: int) -> None:
    for seed in range(30):
        rng = np.random.default_rng([seed, rank])
        extents, factor = (tuple(int(v) for v in rng.integers(1, 5, size=rank)) for _ in range(2))
        x = rng.normal(size=(batch(rng), *extents, 2))
        up = {"scale_factor": tuple(map(float, factor)), "mode": "nearest"}
        found = layer(f"upsample_nearest{rank}d", factor)
        compare(found, x, lambda x, up=up: last(F.interpolate(first(x), **up)), rng)


def test_pixel_shuffle_and_unshuffle() -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        n, h, w, c, s = (int(v) for v in rng.integers(1, 5, size=5))
        x = rng.normal(size=(n, h, w, s * s * c))
        compare(layer("pixel_shuffle", s), x, lambda x, s=s: last(F.pixel_shuffle(first(x), s)), rng)
        x = rng.normal(size=(n, s * h, s * w, c))
        compare(layer("pixel_unshuffle", s), x, lambda x, s=s: last(F.pixel_unshuffle(first(x), s)), rng)


@pytest.mark.parametrize(
    ("name", "mode", "rank", "less"),
    [
        ("zero_pad2d", "constant", 2, -3),
        ("constant_pad2d", "constant", 2, -3),
        ("reflection_pad1d", "reflect", 1, 1),
        ("reflection_pad2d", "reflect", 2, 1),
        ("replication_pad1d", "replicate", 1, -3),
        ("replication_pad2d", "replicate", 2, -3),
        ("circular_pad1d", "circular", 1, 0),
        ("circular_pad2d", "circular", 2, 0),
    ],
)
def test_padding(name: str, mode: str, rank: int, less: int) -> None:
    for seed in range(COUNT // 2):
        rng = np.random.default_rng([seed, rank])
        extents = tuple(int(v) for v in rng.integers(1, 6, size=rank))
        padding = tuple((int(rng.integers(e - less + 1)), int(rng.integers(e - less + 1))) for e in extents)
        options = {"value": float(rng.normal())} if name == "constant_pad2d" else {}
        x = rng.normal(size=(batch(rng), *extents, 2))
        found = layer(name, padding=padding, **options)
        compare(found, x, lambda x, p=padding, o=options: last(torch_pad(first(x), p, mode, **o)), rng)
