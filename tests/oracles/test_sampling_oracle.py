"""Reads between elements against PyTorch's: grid_sample in all its modes, interpolate, deformable convolution."""

from itertools import product
from typing import Any

import numpy as np
import pytest

import gradscribe

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
