"""Pooling layers, forward equations only."""

from sympy import Eq, Expr, Idx, IndexedBase, Sum

from derive.equations import Maximum, inside, program
from derive.index import integers
from derive.interface import Kind, Layer, Option, Requirement
from derive.layers.window import (
    AXES,
    CEIL_MODE,
    DILATION,
    ISOTROPIC,
    KERNEL_SIZE,
    C,
    H,
    H_out,
    N,
    R,
    T,
    W,
    W_out,
    d_h,
    d_w,
    p_h,
    p_h_end,
    p_w,
    p_w_end,
    padding,
    pooled_count,
    s_h,
    s_w,
)

count_include_pad = integers("count_include_pad")[0]
STRIDE = Option("stride", (s_h, s_w), default="kernel_size")
HALF = "at most half of the kernel's extent"


def max_pool2d() -> Layer:
    """The maximum of each window; padding never wins, a tie goes to the first element in row-major order."""
    x = IndexedBase("x", shape=(N, H, W, C))
    y = IndexedBase("y", shape=(N, H_out, W_out, C))
    n, i, j, c = Idx("n", N), Idx("i", H_out), Idx("j", W_out), Idx("c", C)
    r, t = Idx("r", R), Idx("t", T)
    row, column = s_h * i + d_h * r - p_h, s_w * j + d_w * t - p_w
    return Layer(
        name="max_pool2d",
        class_name="MaxPool2D",
        title="2-D max pooling",
        program=program(
            Eq(y[n, i, j, c], Maximum(inside(row, H) * inside(column, W) * x[n, row, column, c], r, t)),
            inputs=(x,),
            arguments={"y": "argmax"},
            sizes={
                H_out: pooled_count(H, p_h, p_h_end, d_h * (R - 1), s_h),
                W_out: pooled_count(W, p_w, p_w_end, d_w * (T - 1), s_w),
            },
        ),
        options=(KERNEL_SIZE, STRIDE, padding((d_h, d_w)), DILATION, CEIL_MODE),
        axes=AXES,
        requirements=(
            Requirement(
                tuple(
                    d * (e - 1) + 1 - 2 * p
                    for d, e, p in ((d_h, R, p_h), (d_h, R, p_h_end), (d_w, T, p_w), (d_w, T, p_w_end))
                ),
                "padding",
                HALF,
            ),
        ),
        display=(*ISOTROPIC, ("dilation", "d"), ("ceil_mode", False)),
        source="Scherer, Mueller and Behnke, Evaluation of pooling operations in convolutional architectures, 2010",
    )


def avg_pool2d() -> Layer:
    """The mean of each window; a_h and a_w count the positions of a window that the mean is taken over."""
    x = IndexedBase("x", shape=(N, H, W, C))
    y = IndexedBase("y", shape=(N, H_out, W_out, C))
    a_h, a_w = IndexedBase("a_h", shape=(H_out,)), IndexedBase("a_w", shape=(W_out,))
    n, i, j, c = Idx("n", N), Idx("i", H_out), Idx("j", W_out), Idx("c", C)
    r, t = Idx("r", R), Idx("t", T)
    window = x[n, s_h * i + r - p_h, s_w * j + t - p_w, c]

    def counted(position: Expr, extent: Expr, start: Expr, end: Expr) -> Expr:
        """Padding counts as part of the window when count_include_pad is 1."""
        return inside(position + count_include_pad * start, extent + count_include_pad * (start + end))

    return Layer(
        name="avg_pool2d",
        class_name="AvgPool2D",
        title="2-D average pooling",
        program=program(
            Eq(a_h[i], Sum(counted(s_h * i + r - p_h, H, p_h, p_h_end), r)),
            Eq(a_w[j], Sum(counted(s_w * j + t - p_w, W, p_w, p_w_end), t)),
            Eq(y[n, i, j, c], Sum(window, r, t) / (a_h[i] * a_w[j])),
            inputs=(x,),
            sizes={
                H_out: pooled_count(H, p_h, p_h_end, R - 1, s_h),
                W_out: pooled_count(W, p_w, p_w_end, T - 1, s_w),
            },
        ),
        options=(
            KERNEL_SIZE,
            STRIDE,
            padding((1, 1)),
            CEIL_MODE,
            Option("count_include_pad", (count_include_pad,), Kind.FLAG, default=True),
        ),
        axes=AXES,
        requirements=(Requirement((R - 2 * p_h, R - 2 * p_h_end, T - 2 * p_w, T - 2 * p_w_end), "padding", HALF),),
        display=(*ISOTROPIC, ("ceil_mode", False), ("count_include_pad", True)),
        source="LeCun et al., Gradient-based learning applied to document recognition, 1998, section II.B",
    )
