"""Pooling layers of one, two and three spatial axes, forward equations only."""

from typing import Any

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.layers.activations.activation import number
from gradscribe.derive.catalogue.layers.convolutions.window import (
    ISOTROPIC,
    SPATIAL,
    Axis,
    ceil_mode,
    dilation,
    half_of_kernel,
    joined,
    kernel_ranges,
    kernel_size,
    padding,
    positions,
    sizes,
    stride,
    within_extent,
    words,
)
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer
from gradscribe.derive.layer.interval import Interval

NORM_TYPE = number("norm_type", "P", 2.0, Interval(1, 100))


def _pooling(rank: int, equations: str, name: str, class_name: str, **fields: Any) -> Layer:
    """A layer over windows of `rank` spatial axes, after `equations`."""
    axes = SPATIAL[rank]
    own = fields.pop("options", ())
    requirements = fields.pop("requirements", ())
    return read(
        f"""
        input x[N, {joined(axes, "extent")}, C]
        {sizes(axes, pooled=True)}
        {kernel_ranges(axes)}
        {equations}
        """,
        f"{name}{rank}d",
        class_name=f"{class_name}{rank}D",
        title=LAYERS[f"{name}{rank}d"].title,
        options=(
            kernel_size(axes),
            stride(axes, default="kernel_size"),
            padding(axes),
            dilation(axes),
            ceil_mode(),
            *own,
        ),
        axes=words(axes),
        requirements=(half_of_kernel(axes), *requirements),
        **fields,
    )


def _max_pooling(rank: int) -> Layer:
    axes = SPATIAL[rank]
    out, taps = joined(axes, "out"), joined(axes, "tap")
    inside = " ".join(f"[0 <= {axis.position()} < {axis.extent}]" for axis in axes)
    return _pooling(
        rank,
        f"y[n, {out}, c] = max({taps}) {inside} x[n, {positions(axes)}, c]",
        "max_pool",
        "MaxPool",
        arguments={"y": "argmax"},
        display=(*ISOTROPIC, ("dilation", "d"), ("ceil_mode", False)),
        source="Scherer, Mueller and Behnke, Evaluation of pooling operations in convolutional architectures, 2010",
    )


def max_pool1d() -> Layer:
    """The maximum of each window; padding never wins, a tie goes to the first element."""
    return _max_pooling(1)


def max_pool2d() -> Layer:
    """The maximum of each window; padding never wins, a tie goes to the first element in row-major order."""
    return _max_pooling(2)


def max_pool3d() -> Layer:
    """The maximum of each window; padding never wins, a tie goes to the first element in row-major order."""
    return _max_pooling(3)


def _counted(axis: Axis) -> str:
    """How many positions of each window the mean is taken over; padding counts when count_include_pad is 1."""
    start, end = axis.symbol("p"), axis.end
    position = f"{axis.position()} + count_include_pad*{start}"
    extent = f"{axis.extent} + count_include_pad*({start} + {end})"
    return f"a{axis.suffix}[{axis.out}] = sum({axis.tap}) [0 <= {position} < {extent}]"


def _average_pooling(rank: int) -> Layer:
    axes = SPATIAL[rank]
    out, taps = joined(axes, "out"), joined(axes, "tap")
    counts = "\n".join(_counted(axis) for axis in axes)
    area = " * ".join(f"a{axis.suffix}[{axis.out}]" for axis in axes)
    return _pooling(
        rank,
        f"""
        count_include_pad = true
        {counts}
        y[n, {out}, c] = (sum({taps}) x[n, {positions(axes)}, c]) / ({area})
        """,
        "avg_pool",
        "AvgPool",
        requirements=(within_extent(axes),),  # there is no mean of nothing
        display=(*ISOTROPIC, ("dilation", 1), ("ceil_mode", False), ("count_include_pad", True)),
        source="LeCun et al., Gradient-based learning applied to document recognition, 1998, section II.B",
    )


def avg_pool1d() -> Layer:
    """The mean of each window; a counts the positions of a window that the mean is taken over."""
    return _average_pooling(1)


def avg_pool2d() -> Layer:
    """The mean of each window; a_h and a_w count the positions of a window that the mean is taken over."""
    return _average_pooling(2)


def avg_pool3d() -> Layer:
    """The mean of each window; a_d, a_h and a_w count the positions that the mean is taken over."""
    return _average_pooling(3)


def _power_pooling(rank: int) -> Layer:
    """The brackets let no power of 0 be taken: the gradient of a window of zeros is 0."""
    axes = SPATIAL[rank]
    place, out, taps = (joined(axes, part) for part in ("place", "out", "tap"))
    total = f"u[n, {out}, c]"
    return _pooling(
        rank,
        f"""
        P = 2.0
        z[n, {place}, c] = abs(x[n, {place}, c])^P
        {total} = sum({taps}) z[n, {positions(axes)}, c]
        y[n, {out}, c] = [{total} != 0] * ({total} + [{total} == 0])^(1/P)
        """,
        "lp_pool",
        "LPPool",
        options=(NORM_TYPE,),
        display=(*ISOTROPIC, ("dilation", 1), ("ceil_mode", False)),
        source="Sermanet, Chintala and LeCun, Convolutional neural networks applied to house numbers digit "
        "classification, 2012, section 2.2",
    )


def lp_pool1d() -> Layer:
    """The P-norm of each window, of absolute values; the gradient of a window of zeros is 0."""
    return _power_pooling(1)


def lp_pool2d() -> Layer:
    """The P-norm of each window, of absolute values; the gradient of a window of zeros is 0."""
    return _power_pooling(2)


def lp_pool3d() -> Layer:
    """The P-norm of each window, of absolute values; the gradient of a window of zeros is 0."""
    return _power_pooling(3)
