"""Pooling to a size that is given: global and adaptive pooling, and LeNet's subsampling. Forward equations only."""

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.layers.activations.activation import AMPLITUDE, SLOPE
from gradscribe.derive.catalogue.layers.convolutions.window import SPATIAL, Axis, kernel_size, stride, words
from gradscribe.derive.ir.index import integer
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer, Option

NETWORK_IN_NETWORK = "Lin, Chen and Yan, Network in network, 2014, section 3.2"
SPATIAL_PYRAMID = "He et al., Spatial pyramid pooling in deep convolutional networks, 2014, section 2.3"


def global_avg_pool() -> Layer:
    """The mean of each channel over all positions; the spatial axes are gone."""
    return read(
        """
        input x[N, ..., C]
        y[n, c] = (sum(...) x[n, ..., c]) / E
        """,
        "global_avg_pool",
        class_name="GlobalAvgPool",
        title=LAYERS["global_avg_pool"].title,
        axes=((integer("N"), "batch"), (integer("C"), "channels")),
        source=NETWORK_IN_NETWORK,
    )


def global_max_pool() -> Layer:
    """The maximum of each channel over all positions; a tie goes to the first, the spatial axes are gone."""
    return read(
        """
        input x[N, ..., C]
        y[n, c] = max(...) x[n, ..., c]
        """,
        "global_max_pool",
        class_name="GlobalMaxPool",
        title=LAYERS["global_max_pool"].title,
        arguments={"y": "argmax"},
        axes=((integer("N"), "batch"), (integer("C"), "channels")),
        source="Oquab et al., Is object localization for free?, 2015, section 3.2",
    )


def _window(axis: Axis) -> str:
    """Output position i sees the elements r with floor(i*H/O) <= r < ceil((i+1)*H/O), without rounding."""
    i, r, extent, out = axis.out, axis.tap, axis.extent, axis.windows
    return f"[{i}*{extent} < ({r} + 1)*{out}] [{r}*{out} < ({i} + 1)*{extent}]"


def _output_size(rank: int) -> Option:
    return Option("output_size", tuple(integer(axis.windows) for axis in SPATIAL[rank]))


def _count(axis: Axis) -> str:
    """How many elements each window has."""
    return f"a{axis.suffix}[{axis.out}] = sum({axis.tap}) {_window(axis)}"


def adaptive_avg_pool1d() -> Layer:
    """Means over windows that cover a sequence and overlap by one element at most; a counts the elements of each."""
    axis = SPATIAL[1][0]
    return read(
        f"""
        input x[N, W, C]
        output y[N, W_out, C]
        {_count(axis)}
        y[n, j, c] = (sum(t) {_window(axis)} x[n, t, c]) / a[j]
        """,
        "adaptive_avg_pool1d",
        class_name="AdaptiveAvgPool1D",
        title=LAYERS["adaptive_avg_pool1d"].title,
        options=(_output_size(1),),
        axes=words(SPATIAL[1]),
        source=SPATIAL_PYRAMID,
    )


def adaptive_avg_pool2d() -> Layer:
    """Means over windows that cover the image, first along each row, z, then of these."""
    axes = SPATIAL[2]
    rows, columns = axes
    return read(
        f"""
        input x[N, H, W, C]
        output y[N, H_out, W_out, C]
        {_count(rows)}
        {_count(columns)}
        z[n, r, j, c] = (sum(t) {_window(columns)} x[n, r, t, c]) / a_w[j]
        y[n, i, j, c] = (sum(r) {_window(rows)} z[n, r, j, c]) / a_h[i]
        """,
        "adaptive_avg_pool2d",
        class_name="AdaptiveAvgPool2D",
        title=LAYERS["adaptive_avg_pool2d"].title,
        options=(_output_size(2),),
        axes=words(axes),
        source=SPATIAL_PYRAMID,
    )


def adaptive_max_pool1d() -> Layer:
    """Maxima over windows that cover a sequence; a tie goes to the first element."""
    axes = SPATIAL[1]
    return read(
        f"""
        input x[N, W, C]
        output y[N, W_out, C]
        y[n, j, c] = max(t) {_window(axes[0])} x[n, t, c]
        """,
        "adaptive_max_pool1d",
        class_name="AdaptiveMaxPool1D",
        title=LAYERS["adaptive_max_pool1d"].title,
        options=(_output_size(1),),
        arguments={"y": "argmax"},
        axes=words(axes),
        source=SPATIAL_PYRAMID,
    )


def adaptive_max_pool2d() -> Layer:
    """Maxima over windows that cover the image, first of each row, z, then of these: the first in row-major order."""
    axes = SPATIAL[2]
    rows, columns = (_window(axis) for axis in axes)
    return read(
        f"""
        input x[N, H, W, C]
        output y[N, H_out, W_out, C]
        z[n, r, j, c] = max(t) {columns} x[n, r, t, c]
        y[n, i, j, c] = max(r) {rows} z[n, r, j, c]
        """,
        "adaptive_max_pool2d",
        class_name="AdaptiveMaxPool2D",
        title=LAYERS["adaptive_max_pool2d"].title,
        options=(_output_size(2),),
        arguments={"z": "argmax_columns", "y": "argmax_rows"},
        axes=words(axes),
        source=SPATIAL_PYRAMID,
    )


def subsampling2d() -> Layer:
    """LeNet-5's S2 and S4: the sum of a window times a weight of the channel, plus a bias, squashed."""
    axes = SPATIAL[2]
    return read(
        """
        input x[N, H, W, C], a[C], b[C]
        A = 1.7159
        S = 2/3
        r < R
        t < T
        H_out = (H - R)//s_h + 1
        W_out = (W - T)//s_w + 1
        i < H_out
        j < W_out
        z[n, i, j, c] = sum(r, t) x[n, s_h*i + r, s_w*j + t, c]
        u[n, i, j, c] = a[c] * z[n, i, j, c] + b[c]
        y[n, i, j, c] = A * tanh(S * u[n, i, j, c])
        """,
        "subsampling2d",
        class_name="Subsampling2D",
        title=LAYERS["subsampling2d"].title,
        weights=("a", "b"),
        options=(
            kernel_size(axes, default=2),
            stride(axes, default="kernel_size"),
            AMPLITUDE,
            SLOPE,
        ),
        features=(("channels", integer("C")),),
        axes=words(axes),
        display=(("stride", "s"),),
        source="LeCun et al., Gradient-based learning applied to document recognition, 1998, section II.B",
    )
