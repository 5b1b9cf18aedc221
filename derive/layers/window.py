"""Sliding windows: the symbols that convolution and pooling share, and how many windows fit."""

from sympy import Expr, Symbol

from derive.index import choose, floordiv, integers, minimum
from derive.interface import Kind, Option

N, H, W, C, K, R, T, H_out, W_out = integers("N H W C K R T H_out W_out")
s_h, s_w, d_h, d_w = integers("s_h s_w d_h d_w")
p_h, p_w, p_h_end, p_w_end = integers("p_h p_w p_h_end p_w_end")
ceil_mode = integers("ceil_mode")[0]

AXES = ((N, "batch"), (H, "height"), (W, "width"), (C, "channels"), (R, "kernel height"), (T, "kernel width"))
# One symbol for both axes in print, as in a textbook.
ISOTROPIC = (("stride", "s"), ("padding", "p"))

KERNEL_SIZE = Option("kernel_size", (R, T))
STRIDE = Option("stride", (s_h, s_w), default=1)
DILATION = Option("dilation", (d_h, d_w), default=1)
CEIL_MODE = Option("ceil_mode", (ceil_mode,), Kind.FLAG, default=False)


def padding(dilation: tuple[Expr | int, Expr | int]) -> Option:
    """The option padding for kernels of `dilation`."""
    reach = (dilation[0] * (R - 1), dilation[1] * (T - 1))
    return Option("padding", (p_h, p_h_end, p_w, p_w_end), Kind.PADDING, 0, 0, reach, (s_h, s_w))


def window_count(extent: Symbol, start: Symbol, end: Symbol, reach: Expr, stride: Symbol) -> Expr:
    """How many windows fit (Dumoulin and Visin, A guide to convolution arithmetic, 2016, relationship 6 and 15).

    Args:
        extent: unpadded extent of the axis.
        start: padding before, in elements.
        end: padding after, in elements.
        reach: dilation*(kernel - 1).
        stride: step from window to window.
    """
    return floordiv(extent + start + end - reach - 1, stride) + 1


def pooled_count(extent: Symbol, start: Symbol, end: Symbol, reach: Expr, stride: Symbol) -> Expr:
    """As `window_count`; with ceil_mode a last partial window counts if it starts inside input or left padding."""
    rounded_up = floordiv(extent + start + end - reach - 1 + stride - 1, stride) + 1
    starts_inside = floordiv(extent + start - 1, stride) + 1
    return choose(ceil_mode, minimum(rounded_up, starts_inside), window_count(extent, start, end, reach, stride))
