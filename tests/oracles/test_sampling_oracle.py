"""Reads between elements against PyTorch's: grid_sample in all its modes, interpolate, deformable convolution."""

from itertools import product
from typing import Any

import numpy as np
import pytest

import gradscribe
from gradscribe.generated import DeformConv2D, RoiAlign

torch = pytest.importorskip("torch")
F = torch.nn.functional

pytestmark = pytest.mark.oracle

MODES = {
    ("zeros", False): "zero",
    ("zeros", True): "zero",
    ("border", False): "replicate",
    ("border", True): "replicate",
    ("reflection", False): "symmetric",
    ("reflection", True): "reflect",
}
"""PyTorch's padding mode and align_corners, and the mode of a subscript."""


def compared(text: str, function: Any, *given: np.ndarray) -> None:
    """Values and all gradients of a text, those of a function of PyTorch."""
    layer = gradscribe.layer(text, "own")
    inputs = dict(zip((t.name for t in layer.program.inputs), given, strict=True))
    net = layer.compile().Own()
    y = net(*inputs.values())
    tensors = [torch.tensor(a, requires_grad=True) for a in given]
    expected = function(*tensors)
    np.testing.assert_allclose(y, expected.detach().numpy(), atol=1e-12)
    dy = np.random.default_rng(1).normal(size=y.shape)
    expected.backward(torch.tensor(dy))
    found = net.backward(dy)
    for name, own, tensor in zip(inputs, found if isinstance(found, tuple) else (found,), tensors, strict=True):
        np.testing.assert_allclose(own, tensor.grad.numpy(), atol=1e-11, err_msg=name)


def position(which: int, extent: str, align: bool) -> str:
    """The position that a number from -1 to 1 stands for."""
    g = f"g[n,i,j,{which}]"
    return f"({g} + 1)*({extent} - 1)/2" if align else f"(({g} + 1)*{extent} - 1)/2"


@pytest.mark.parametrize(("mode", "align"), MODES)
@pytest.mark.parametrize("shape", [(5, 4), (1, 3), (2, 1)])
def test_grid_sample(mode: str, align: bool, shape: tuple[int, int]) -> None:
    word, rng = MODES[mode, align], np.random.default_rng(0)
    at = ", ".join(f"lerp({position(k, e, align)}, {word})" for k, e in ((1, "H"), (0, "W")))
    text = f"input x[N,H,W,C], g[N,I,J,D]; y[n,i,j,c] = x[n, {at}, c]"

    def sampled(x: Any, g: Any) -> Any:
        found = F.grid_sample(x.permute(0, 3, 1, 2), g, padding_mode=mode, align_corners=align)
        return found.permute(0, 2, 3, 1)

    whole = np.array([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0])  # borders and elements themselves
    grid = np.array([*product(whole, whole)]).reshape(1, 7, 7, 2)
    free = rng.uniform(-3, 3, size=(1, 7, 7, 2))
    if (mode, align) != ("zeros", True):  # at a kink of zero padding either slope is right; ours is PyTorch's, too
        free = np.where(np.abs(free) < 1e-3, 0.1, free)
    compared(text, sampled, rng.normal(size=(2, *shape, 3)), np.concatenate([grid, free]))


@pytest.mark.parametrize(("align", "height", "width"), [(True, 7, 9), (False, 7, 9), (False, 2, 3), (True, 1, 5)])
def test_interpolate(align: bool, height: int, width: int) -> None:
    def scaled(v: str, new: str, old: str) -> str:
        edges = f"{v}*({old} - 1)/max({new} - 1, 1)"
        return edges if align else f"({v} + 1/2)*{old}/{new} - 1/2"

    at = ", ".join(f"lerp({scaled(*own)}, replicate)" for own in (("i", "I", "H"), ("j", "J", "W")))
    text = f"input x[N,H,W,C]; i < {height}; j < {width}; y[n,i,j,c] = x[n, {at}, c]"
    text = text.replace("I - 1", f"{height} - 1").replace("J - 1", f"{width} - 1")
    text = text.replace("H/I", f"H/{height}").replace("W/J", f"W/{width}")

    def resized(x: Any) -> Any:
        found = F.interpolate(x.permute(0, 3, 1, 2), (height, width), mode="bilinear", align_corners=align)
        return found.permute(0, 2, 3, 1)

    compared(text, resized, np.random.default_rng(0).normal(size=(2, 4, 5, 3)))


def test_deformable_convolution_with_a_mask() -> None:
    """Dai et al. 2017, Zhu et al. 2019: offsets and a mask for every tap, against samples of PyTorch."""
    text = """input x[N,H,W,C], w[R,T,C,K], a[N,I,J,R,T], b[N,I,J,R,T], m[N,I,J,R,T]
    p = 1
    i < H + 2*p - R + 1; j < W + 2*p - T + 1
    y[n,i,j,k] = sum(r,t,c) m[n,i,j,r,t] * w[r,t,c,k] \\
      * x[n, lerp(i + r - p + a[n,i,j,r,t], zero), lerp(j + t - p + b[n,i,j,r,t], zero), c]"""
    rng = np.random.default_rng(0)
    n, h, w, c, r, t, k = 2, 5, 6, 3, 3, 3, 4
    taps = (n, h, w, r, t)

    def deformed(x: Any, weight: Any, a: Any, b: Any, m: Any) -> Any:
        rows = torch.arange(h)[:, None, None, None] + torch.arange(r)[:, None] - 1 + a
        columns = torch.arange(w)[:, None, None] + torch.arange(t) - 1 + b
        grid = torch.stack([2 * columns / (w - 1) - 1, 2 * rows / (h - 1) - 1], -1)
        found = F.grid_sample(x.permute(0, 3, 1, 2), grid.reshape(n, h, -1, 2), align_corners=True)
        seen = found.reshape(n, c, *taps[1:])
        return torch.einsum("nchwrt,nhwrt,rtck->nhwk", seen, m, weight)

    offsets = (rng.normal(size=taps) for _ in range(3))
    compared(text, deformed, rng.normal(size=(n, h, w, c)), rng.normal(size=(r, t, c, k)), *offsets)


def channels_last(function: Any, *given: Any) -> Any:
    """A function of images whose channels are last."""
    return lambda x: function(x.permute(0, 3, 1, 2), *given).permute(0, 2, 3, 1)


@pytest.mark.parametrize(
    ("text", "function", "shape"),
    [
        ("s = 3; y[n,i,j,c] = x[n, i//s, j//s, s*s*c + s*(i%s) + j%s]",
         channels_last(F.pixel_shuffle, 3), (2, 2, 4, 18)),
        ("s = 2; y[n, i//s, j//s, s*s*c + s*(i%s) + j%s] = x[n,i,j,c]",
         channels_last(F.pixel_unshuffle, 2), (2, 4, 6, 3)),
        ("y[n,i,j,c] = x[n, i//2, j//2, c]",
         channels_last(lambda x: F.interpolate(x, scale_factor=2, mode="nearest")), (2, 3, 4, 2)),
    ],
)  # fmt: skip
def test_layouts(text: str, function: Any, shape: tuple[int, ...]) -> None:
    compared(text, function, np.random.default_rng(0).normal(size=shape))


@pytest.mark.parametrize("masked", [False, True])
def test_the_deformable_convolution_of_the_catalogue(masked: bool) -> None:
    """Strides, padding and dilation; without offsets it is a convolution."""
    rng = np.random.default_rng(0)
    n, h, w, c, r, t, k, s, p, d = 2, 7, 6, 3, 3, 2, 4, 2, 1, 2
    out = (h + 2 * p - d * (r - 1) - 1) // s + 1, (w + 2 * p - d * (t - 1) - 1) // s + 1
    x, weight, b = rng.normal(size=(n, h, w, c)), rng.normal(size=(r, t, c, k)), rng.normal(size=k)
    o, m = rng.normal(size=(n, *out, r, t, 2)), rng.normal(size=(n, *out, r, t)) if masked else None
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, weight, b, o, m) if a is not None]
    tx, tw, tb, to, *tm = tensors
    rows = s * torch.arange(out[0])[:, None, None, None] + d * torch.arange(r)[:, None] - p + to[..., 0]
    columns = s * torch.arange(out[1])[:, None, None] + d * torch.arange(t) - p + to[..., 1]
    grid = torch.stack([2 * columns / (w - 1) - 1, 2 * rows / (h - 1) - 1], -1).reshape(n, out[0], -1, 2)
    seen = F.grid_sample(tx.permute(0, 3, 1, 2), grid, align_corners=True).reshape(n, c, *out, r, t)
    seen = seen * tm[0][:, None] if tm else seen
    expected = torch.einsum("nchwrt,rtck->nhwk", seen, tw) + tb
    net = DeformConv2D(c, k, (r, t), stride=s, padding=p, dilation=d, rng=0, dtype=np.float64)
    net.params["w"][...], net.params["b"][...] = weight, b
    u = net(x, o, m)
    np.testing.assert_allclose(u, expected.detach().numpy(), atol=1e-12)
    du = rng.normal(size=u.shape)
    expected.backward(torch.tensor(du))
    dx, *others = net.backward(du)
    found = dx, net.grads["w"], net.grads["b"], *others
    for own, tensor in zip(found, tensors, strict=False):
        np.testing.assert_allclose(own, tensor.grad.numpy(), atol=1e-11)


def bilinear(plane: Any, y: Any, x: Any) -> Any:
    """An element of a plane (H, W, C) between others, as the operator of torchvision computes it."""
    height, width = plane.shape[:2]
    if y < -1 or y > height or x < -1 or x > width:
        return 0 * (x + y)
    y, x = torch.clamp(y, 0, height - 1), torch.clamp(x, 0, width - 1)
    i, j = int(y), int(x)
    below, right = min(i + 1, height - 1), min(j + 1, width - 1)
    a, b = y - i, x - j
    upper = (1 - b) * plane[i, j] + b * plane[i, right]
    return (1 - a) * upper + a * ((1 - b) * plane[below, j] + b * plane[below, right])


def test_regions_of_interest() -> None:
    rng = np.random.default_rng(0)
    images, scale, s = rng.normal(size=(2, 6, 7, 3)), 0.5, 2
    boxes = np.array([[1.0, 2.0, 9.0, 8.0], [0.0, 0.0, 13.5, 11.5], [-6.0, -4.0, 30.0, 5.0]])
    labels, size = np.array([1, 0, 1]), (2, 3)
    tx, tr = torch.tensor(images, requires_grad=True), torch.tensor(boxes, requires_grad=True)
    regions = []
    for m, plane in enumerate(labels):
        x1, y1, x2, y2 = tr[m] * scale - 0.5
        height, width = (y2 - y1) / size[0], (x2 - x1) / size[1]
        for i, j in product(range(size[0]), range(size[1])):
            at = [
                (y1 + (i + (a + 0.5) / s) * height, x1 + (j + (b + 0.5) / s) * width)
                for a in range(s)
                for b in range(s)
            ]
            regions.append(sum(bilinear(tx[plane], *place) + torch.zeros(3) for place in at) / s**2)
    expected = torch.stack(regions).reshape(3, *size, 3)
    net = RoiAlign(size, s, scale=scale)
    y = net(images, boxes, labels)
    np.testing.assert_allclose(y, expected.detach().numpy(), atol=1e-12)
    dy = rng.normal(size=y.shape)
    expected.backward(torch.tensor(dy))
    dx, dr = net.backward(dy)
    np.testing.assert_allclose(dx, tx.grad.numpy(), atol=1e-11)
    np.testing.assert_allclose(dr, tr.grad.numpy(), atol=1e-10)
