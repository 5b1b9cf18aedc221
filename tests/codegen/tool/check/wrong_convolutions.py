"""Wrong backwards of convolutions, beside their corrected versions; see wrong_gradients."""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from tests.codegen.tool.check.exhibit import Exhibit

Array = np.ndarray


def conv(dy: Array, x: Array, w: Array, stride: int, padding: int, dilation: int = 1) -> tuple[Array, Array, Array]:
    s, p, d = stride, padding, dilation
    xp = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    rows, columns = dy.shape[1:3]
    for r in range(w.shape[0]):
        for t in range(w.shape[1]):
            seen = np.s_[:, d * r : d * r + s * rows : s, d * t : d * t + s * columns : s]
            dxp[seen] += dy @ w[r, t].T
            dw[r, t] = np.einsum("nijc,nijk->ck", xp[seen], dy)
    return dxp[:, p : p + x.shape[1], p : p + x.shape[2]], dw, dy.sum((0, 1, 2))


def conv_backward(dy, x, w, b, stride, padding, dilation):
    return conv(dy, x, w, stride, padding, dilation)


def coursera_conv_backward(dy, x, w, b, stride, pad):
    return conv(dy, x, w, stride, pad)


# enggen/Deep-Learning-Coursera #7, Kulbear/deep-learning-coursera #34: "stride not multiplied in backward pass"
def stride_ignored(dy, x, w, b, stride, pad):
    xp = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for h in range(dy.shape[1]):
        for v in range(dy.shape[2]):
            window = np.s_[:, h : h + w.shape[0], v : v + w.shape[1]]
            dxp[window] += np.einsum("nk,rtck->nrtc", dy[:, h, v], w)
            dw += np.einsum("nrtc,nk->rtck", xp[window], dy[:, h, v])
    return dxp[:, pad : pad + x.shape[1], pad : pad + x.shape[2]], dw, dy.sum((0, 1, 2))


# the same along one axis only
def stride_ignored_along_the_width(dy, x, w, b, stride, pad):
    xp = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    dxp = np.zeros_like(xp)
    for h in range(dy.shape[1]):
        for v in range(dy.shape[2]):
            window = np.s_[:, stride * h : stride * h + w.shape[0], v : v + w.shape[1]]
            dxp[window] += np.einsum("nk,rtck->nrtc", dy[:, h, v], w)
    return dxp[:, pad : pad + x.shape[1], pad : pad + x.shape[2]]


# huggingface/candle #2337: stride and dilation are handed over in each other's place in the backward
def stride_and_dilation_swapped(dy, x, w, b, stride, padding, dilation):
    dx, dw, db = conv(dy, x, w, stride, padding, dilation)
    dx = np.zeros((x.shape[0], x.shape[1] + 2 * padding, x.shape[2] + 2 * padding, x.shape[3]))
    for n, i, j, _ in np.ndindex(*dy.shape[:3], 1):
        for r, t in np.ndindex(*w.shape[:2]):
            h, v = dilation * i + stride * r, dilation * j + stride * t
            if h < dx.shape[1] and v < dx.shape[2]:
                dx[n, h, v] += w[r, t] @ dy[n, i, j]
    return dx[:, padding : padding + x.shape[1], padding : padding + x.shape[2]], dw, db


# iree-org/iree-turbine #1223: "Swapped strides and dilations in ConvWGrad"
def swapped_in_weight_gradient(dy, x, w, b, stride, padding, dilation):
    dx, dw, db = conv(dy, x, w, stride, padding, dilation)
    xp = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    dw = np.zeros_like(w)
    for r, t in np.ndindex(*w.shape[:2]):
        for i, j in np.ndindex(*dy.shape[1:3]):
            h, v = dilation * i + stride * r, dilation * j + stride * t
            if h < xp.shape[1] and v < xp.shape[2]:
                dw[r, t] += xp[:, h, v].T @ dy[:, i, j]
    return dx, dw, db


# CMU 10-714, needle #6: the gradient of x is (H+2p-k) mod s rows too short
def remainder_rows_dropped(dy, x, w, stride, padding):
    (N, rows, columns, _), (R, T, C, _) = dy.shape, w.shape
    full = np.zeros((N, stride * (rows - 1) + R, stride * (columns - 1) + T, C))
    for r, t in np.ndindex(R, T):
        full[:, r : r + stride * rows : stride, t : t + stride * columns : stride] += dy @ w[r, t].T
    return full[:, padding : full.shape[1] - padding, padding : full.shape[2] - padding]


def remainder_rows_kept(dy, x, w, stride, padding):
    return conv(dy, x, w, stride, padding)[0]


# pytorch/opacus #245: the gradient of w, a convolution of x with the dilated dy, has rows too many
def remainder_rows_in_the_kernel(dy, x, w, stride):
    (_, H, W, _), (_, rows, columns, _) = x.shape, dy.shape
    R, T = H - stride * (rows - 1), W - stride * (columns - 1)
    dw = np.empty((R, T, *w.shape[2:]))
    for r, t in np.ndindex(R, T):
        seen = x[:, r : r + stride * rows : stride, t : t + stride * columns : stride]
        dw[r, t] = np.einsum("nijc,nijk->ck", seen, dy)
    return {"dw": dw}


def only_the_kernel(dy, x, w, stride):
    return {"dw": conv(dy, x, w, stride, 0)[1]}


# The full convolution with the kernel as it is, not rotated by pi: what "convolve dy with w" becomes where correlation
# is called convolution. TensorComprehensions PR #215 has a sign of the kernel index the wrong way round.
def kernel_not_rotated(dy, x, w):
    R, T = w.shape[:2]
    padded = np.pad(dy, ((0, 0), (R - 1, R - 1), (T - 1, T - 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (R, T), (1, 2))
    return np.einsum("nijkrt,rtck->nijc", windows, w)


def kernel_rotated(dy, x, w):
    return kernel_not_rotated(dy, x, w[::-1, ::-1])


# deeplearning4j #8280: the gradient of the bias is the sum for NCHW also where the channels are last
def bias_summed_as_if_channels_were_first(dy, x, w, stride, padding):
    return {"db": dy.sum((0, 2, 3))}


# Summed over batch and rows, not over columns: one axis too few
def bias_summed_over_one_axis_too_few(dy, x, w, stride, padding):
    return {"db": dy.sum((0, 1))}


def bias_summed(dy, x, w, stride, padding):
    return {"db": dy.sum((0, 1, 2))}


# pytorch #51430: the weight gradient of nn.grad with groups > 1 mixes the groups
def groups_mixed(dy, x, w, groups):
    R, T, C, K = w.shape
    windows = np.lib.stride_tricks.sliding_window_view(x, (R, T), (1, 2))
    dw = np.empty_like(w)
    for k in range(K):
        g = k % groups  # the output channels of a group are not side by side
        dw[..., k] = np.einsum("nijcrt,nij->rtc", windows[:, :, :, g * C : (g + 1) * C], dy[..., k])
    return {"dw": dw}


def groups_apart(dy, x, w, groups):
    R, T, C, K = w.shape
    windows = np.lib.stride_tricks.sliding_window_view(x, (R, T), (1, 2))
    dw = np.empty_like(w)
    for k in range(K):
        g = k // (K // groups)
        dw[..., k] = np.einsum("nijcrt,nij->rtc", windows[:, :, :, g * C : (g + 1) * C], dy[..., k])
    return {"dw": dw}


# yonghenglh6/DepthwiseConvolution #14: wrong as soon as there are several output channels per input channel
def depthwise_channels_mixed(dy, x, w):
    R, T, C, M = w.shape
    dx = np.zeros_like(x)
    for r, t, c, m in np.ndindex(R, T, C, M):
        dx[:, r : r + dy.shape[1], t : t + dy.shape[2], c] += w[r, t, c, m] * dy[..., C * m + c]
    return dx


def depthwise_channels(dy, x, w):
    R, T, C, M = w.shape
    dx = np.zeros_like(x)
    for r, t, c, m in np.ndindex(R, T, C, M):
        dx[:, r : r + dy.shape[1], t : t + dy.shape[2], c] += w[r, t, c, m] * dy[..., M * c + m]
    return dx


# Kulbear/deep-learning-coursera and many others: the padding is not cut off, or [pad:-pad] is empty for pad = 0
def empty_for_no_padding(grad_output, input, weight, stride, padding):
    x, w, dy = input.transpose(0, 2, 3, 1), weight.transpose(2, 3, 1, 0), grad_output.transpose(0, 2, 3, 1)
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    dx = conv(dy, padded, w, stride, 0)[0]
    return dx[:, padding:-padding, padding:-padding].transpose(0, 3, 1, 2)


def channels_first(grad_output, input, weight, stride, padding):
    x, w, dy = input.transpose(0, 2, 3, 1), weight.transpose(2, 3, 1, 0), grad_output.transpose(0, 2, 3, 1)
    dx, dw, db = conv(dy, x, w, stride, padding)
    return dx.transpose(0, 3, 1, 2), dw.transpose(3, 2, 0, 1), db


CONVOLUTIONS = (
    Exhibit(stride_ignored, coursera_conv_backward, "conv2d", "dx", "differs", "with s=1"),
    Exhibit(stride_ignored, coursera_conv_backward, "conv2d", "dw", "differs", "with s=1"),
    Exhibit(stride_ignored_along_the_width, coursera_conv_backward, "conv2d", "dx", "differs", "with s=1 in j=sj+t"),
    Exhibit(stride_and_dilation_swapped, conv_backward, "conv2d", "dx", "differs", "with d and s exchanged"),
    Exhibit(swapped_in_weight_gradient, conv_backward, "conv2d", "dw", "differs", "with d and s exchanged"),
    Exhibit(remainder_rows_dropped, remainder_rows_kept, "conv2d", "dx", "shape", "beyond the last window are missing"),
    Exhibit(remainder_rows_in_the_kernel, only_the_kernel, "conv2d", "dw", "shape", "count as positions of the kernel"),
    Exhibit(
        kernel_not_rotated, kernel_rotated, "conv2d", "dx", "differs", "w[R−1−r, T−1−t, c, k] instead of w[r,t,c,k]"
    ),
    Exhibit(bias_summed_as_if_channels_were_first, bias_summed, "conv2d", "db", "shape", "summed over k instead of i"),
    Exhibit(bias_summed_over_one_axis_too_few, bias_summed, "conv2d", "db", "shape", "without the sum over j"),
    Exhibit(groups_mixed, groups_apart, "conv2d", "dw", "differs", "with g+Gk instead of Kg+k"),
    Exhibit(depthwise_channels_mixed, depthwise_channels, "depthwise_conv2d", "dx", "differs", "instead of"),
    Exhibit(empty_for_no_padding, channels_first, "conv2d", "dx", "shape", "", {"layout": "channels-first"}),
)
