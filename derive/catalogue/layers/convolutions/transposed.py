"""Transposed convolutions of one, two and three spatial axes, forward equations only."""

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.layers.convolutions.convolution import DISPLAY, FEATURES, GROUPS
from gradscribe.derive.catalogue.layers.convolutions.window import (
    SPATIAL,
    Axis,
    dilation,
    joined,
    kernel_size,
    output_padding,
    padding,
    positions,
    stride,
    words,
)
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer


def _extent(axis: Axis) -> str:
    """The least extent whose convolution has this many windows (Dumoulin and Visin, 2016, relationship 14), plus o."""
    s, o, p = (axis.symbol(letter) for letter in "sop")
    return f"({axis.extent} - 1)*{s} - {p} - {axis.end} + {axis.reach()} + {o} + 1"


def _transposed(rank: int) -> Layer:
    """The transpose of `conv1d`, `conv2d` or `conv3d` as a linear map; C and K are channels per group."""
    axes = SPATIAL[rank]
    extents, windows, place, out, taps, kernel = (
        joined(axes, part) for part in ("extent", "windows", "place", "out", "tap", "kernel")
    )
    sizes = "\n".join(f"{axis.windows} = {_extent(axis)}\n{axis.place} < {axis.windows}" for axis in axes)
    option, requirement = output_padding(axes)
    return read(
        f"""
        input x[N, {extents}, G*C], w[{kernel}, K, G*C], b[G*K]
        output u[N, {windows}, G*K]
        optional b
        {sizes}
        g < G
        c < C
        u[n, {positions(axes)}, K*g + k] = sum(c) x[n, {out}, C*g + c] * w[{taps}, k, C*g + c]
        u[n, {place}, K*g + k] += b[K*g + k]
        """,
        f"conv_transpose{rank}d",
        class_name=f"ConvTranspose{rank}D",
        title=LAYERS[f"conv_transpose{rank}d"].title,
        weights=("w", "b"),
        options=(kernel_size(axes), stride(axes), padding(axes), option, dilation(axes), GROUPS),
        features=FEATURES,
        axes=words(axes),
        requirements=(requirement,),
        display=(*DISPLAY, ("output_padding", 0)),
        source="Zeiler et al., Deconvolutional networks, 2010, section 3; "
        "Dumoulin and Visin, A guide to convolution arithmetic, 2016, chapter 4",
    )


def conv_transpose1d() -> Layer:
    """The gradient of `conv1d` with respect to its input as a layer; w is the weight of that convolution."""
    return _transposed(1)


def conv_transpose2d() -> Layer:
    """The gradient of `conv2d` with respect to its input as a layer; w is the weight of that convolution."""
    return _transposed(2)


def conv_transpose3d() -> Layer:
    """The gradient of `conv3d` with respect to its input as a layer; w is the weight of that convolution."""
    return _transposed(3)
