"""Convolutions with other connections: per channel, per position, or by a table. Forward equations only."""

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
from gradscribe.derive.layer.interface import Layer

C, K, M = integers("C K M")
DISPLAY = (*ISOTROPIC, ("dilation", "d"))


def _depthwise(rank: int) -> Layer:
    """A convolution of each channel c by itself with M kernels of its own; output channel M*c + k."""
    axes = SPATIAL[rank]
    extents, out, taps, kernel = (joined(axes, part) for part in ("extent", "out", "tap", "kernel"))
    return read(
        f"""
        input x[N, {extents}, C], w[{kernel}, C, M], b[C*M]
        optional b
        {sizes(axes)}
        u[n, {out}, M*c + k] = sum({taps}) x[n, {positions(axes)}, c] * w[{taps}, c, k] + b[M*c + k]
        """,
        f"depthwise_conv{rank}d",
        class_name=f"DepthwiseConv{rank}D",
        title=LAYERS[f"depthwise_conv{rank}d"].title,
        weights=("w", "b"),
        options=(kernel_size(axes), stride(axes), padding(axes), dilation(axes)),
        features=(("in_channels", C), ("depth_multiplier", M)),
        axes=(*words(axes), (M, "kernels per channel")),
        display=DISPLAY,
        source="Chollet, Xception: deep learning with depthwise separable convolutions, 2017; "
        "Howard et al., MobileNets, 2017, eq. 3",
    )


def depthwise_conv1d() -> Layer:
    """Each channel of a sequence convolved with M kernels of its own."""
    return _depthwise(1)


def depthwise_conv2d() -> Layer:
    """Each channel convolved with M kernels of its own; the output has the M results of channel 0 first."""
    return _depthwise(2)


def _locally_connected(rank: int) -> Layer:
    """A convolution whose weights differ from position to position."""
    axes = SPATIAL[rank]
    extents, windows, out, taps, kernel = (joined(axes, part) for part in ("extent", "windows", "out", "tap", "kernel"))
    return read(
        f"""
        input x[N, {extents}, C], w[{windows}, {kernel}, C, K], b[{windows}, K]
        optional b
        {sizes(axes)}
        u[n, {out}, k] = sum({taps}, c) x[n, {positions(axes)}, c] * w[{out}, {taps}, c, k] + b[{out}, k]
        """,
        f"locally_connected{rank}d",
        class_name=f"LocallyConnected{rank}D",
        title=LAYERS[f"locally_connected{rank}d"].title,
        weights=("w", "b"),
        options=(kernel_size(axes), stride(axes), padding(axes), dilation(axes)),
        features=(("in_channels", C), ("out_channels", K)),
        axes=words(axes),
        display=DISPLAY,
        source="LeCun, Generalization and network design strategies, 1989, section 5.3; "
        "Taigman et al., DeepFace, 2014, section 3",
    )


def locally_connected1d() -> Layer:
    """A convolution with a kernel and a bias of its own for every output position, as Keras' LocallyConnected1D."""
    return _locally_connected(1)


def locally_connected2d() -> Layer:
    """A convolution with a kernel and a bias of its own for every output position, as Keras' LocallyConnected2D."""
    return _locally_connected(2)


def connected_conv2d() -> Layer:
    """LeNet-5's C3: output channel k sees the input channels c with m[c, k] = 1 only (LeCun et al. 1998, table I).

    The table of LeNet-5, input channel c below, output channel k to the right::

            0 1 2 3 4 5 6 7 8 9 . . . . . 15
        0   X       X X X     X X X X   X X
        1   X X       X X X     X X X X   X
        2   X X X       X X X     X   X X X
        3     X X X     X X X X     X   X X
        4       X X X     X X X X   X X   X
        5         X X X     X X X X   X X X
    """
    axes = SPATIAL[2]
    return read(
        f"""
        input x[N, H, W, C], w[R, T, C, K], b[K], m[C, K]
        constant m
        optional b
        {sizes(axes)}
        z[r, t, c, k] = m[c, k] * w[r, t, c, k]
        u[n, i, j, k] = sum(r, t, c) x[n, {positions(axes)}, c] * z[r, t, c, k] + b[k]
        """,
        "connected_conv2d",
        class_name="ConnectedConv2D",
        title=LAYERS["connected_conv2d"].title,
        weights=("w", "b"),
        options=(kernel_size(axes), stride(axes), padding(axes), dilation(axes)),
        features=(("in_channels", C), ("out_channels", K)),
        axes=words(axes),
        display=DISPLAY,
        source="LeCun et al., Gradient-based learning applied to document recognition, 1998, section II.B and table I",
    )
