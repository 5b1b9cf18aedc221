"""Convolution layers of one, two and three spatial axes, forward equations only."""

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.layers.convolutions.window import (
    ISOTROPIC,
    SPATIAL,
    dilation,
    joined,
    kernel_size,
    padding,
    positions,
    sizes,
    stride,
    words,
)
from gradscribe.derive.ir.index import integers
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Kind, Layer, Option
from gradscribe.said import Message

C, G, K = integers("C G K")
GROUPS = Option("groups", (G,), Kind.COUNT, default=1, words=Message("groups"))
FEATURES = (("in_channels", G * C), ("out_channels", G * K))
DISPLAY = (*ISOTROPIC, ("dilation", "d"), ("groups", 1))


def _convolution(rank: int) -> Layer:
    """Correlation over `rank` spatial axes; C and K are channels per group."""
    axes = SPATIAL[rank]
    extents, out, taps, kernel = (joined(axes, part) for part in ("extent", "out", "tap", "kernel"))
    return read(
        f"""
        input x[N, {extents}, G*C], w[{kernel}, C, G*K], b[G*K]
        optional b
        {sizes(axes)}
        g < G
        k < K
        u[n, {out}, K*g + k] = sum({taps}, c) x[n, {positions(axes)}, C*g + c] * w[{taps}, c, K*g + k] + b[K*g + k]
        """,
        f"conv{rank}d",
        class_name=f"Conv{rank}D",
        title=LAYERS[f"conv{rank}d"].title,
        weights=("w", "b"),
        options=(kernel_size(axes), stride(axes), padding(axes), dilation(axes), GROUPS),
        features=FEATURES,
        axes=words(axes),
        display=DISPLAY,
        source="LeCun et al., Gradient-based learning applied to document recognition, 1998, section II.A; "
        "Dumoulin and Visin, A guide to convolution arithmetic, 2016",
    )


def conv1d() -> Layer:
    """Correlation of a sequence with w; C and K are channels per group."""
    return _convolution(1)


def conv2d() -> Layer:
    """Correlation of x with w, which deep learning calls convolution; C and K are channels per group."""
    return _convolution(2)


def conv3d() -> Layer:
    """Correlation of a volume or a film with w; C and K are channels per group."""
    return _convolution(3)
