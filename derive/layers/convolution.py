"""Convolution layers, forward equations only."""

from sympy import Eq, Idx, IndexedBase, Sum

from derive.equations import program
from derive.index import integers
from derive.interface import Kind, Layer, Option
from derive.layers.window import (
    AXES,
    DILATION,
    ISOTROPIC,
    KERNEL_SIZE,
    STRIDE,
    C,
    H,
    H_out,
    K,
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
    s_h,
    s_w,
    window_count,
)

G = integers("G")[0]


def conv2d() -> Layer:
    """Correlation of x with w, which deep learning calls convolution; C and K are channels per group."""
    x = IndexedBase("x", shape=(N, H, W, G * C))
    w = IndexedBase("w", shape=(R, T, C, G * K))
    b = IndexedBase("b", shape=(G * K,))
    u = IndexedBase("u", shape=(N, H_out, W_out, G * K))
    n, i, j, g, k = Idx("n", N), Idx("i", H_out), Idx("j", W_out), Idx("g", G), Idx("k", K)
    r, t, c = Idx("r", R), Idx("t", T), Idx("c", C)
    window = x[n, s_h * i + d_h * r - p_h, s_w * j + d_w * t - p_w, C * g + c]
    return Layer(
        name="conv2d",
        class_name="Conv2D",
        title="2-D convolution (correlation with a learned kernel)",
        program=program(
            Eq(u[n, i, j, K * g + k], Sum(window * w[r, t, c, K * g + k], r, t, c) + b[K * g + k]),
            inputs=(x, w, b),
            optional="b",
            sizes={
                H_out: window_count(H, p_h, p_h_end, d_h * (R - 1), s_h),
                W_out: window_count(W, p_w, p_w_end, d_w * (T - 1), s_w),
            },
        ),
        weights=("w", "b"),
        options=(
            KERNEL_SIZE,
            STRIDE,
            padding((d_h, d_w)),
            DILATION,
            Option("groups", (G,), Kind.COUNT, default=1),
        ),
        features=(("in_channels", G * C), ("out_channels", G * K)),
        axes=AXES,
        display=(*ISOTROPIC, ("dilation", "d"), ("groups", 1)),
        source="LeCun et al., Gradient-based learning applied to document recognition, 1998, section II.A; "
        "Dumoulin and Visin, A guide to convolution arithmetic, 2016",
    )
