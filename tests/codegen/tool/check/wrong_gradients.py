"""A museum of hand-written backwards: each wrong as one that was published, beside its corrected version.

The comments cite the thread or source that each is modelled on; the code is written anew, with the mistake kept. All
arrays are channels-last unless the exhibit says otherwise.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Exhibit:
    """A wrong backward, what its mistake is found to be, and the corrected one."""

    wrong: Callable[..., Any]
    right: Callable[..., Any]
    layer: str
    subject: str  # the gradient that is wrong; "" for the call as a whole
    kind: str
    words: str  # part of what the finding says
    options: dict[str, Any] = field(default_factory=dict)


# ----- convolution ----------------------------------------------------------------------------------------------------


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


# ----- pooling --------------------------------------------------------------------------------------------------------


def windows_of(x, dy, kernel_size, stride, padding=0, fill=-np.inf):
    xp = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)), constant_values=fill)
    for n, i, j, c in np.ndindex(*dy.shape):
        rows, columns = (slice(stride * a, stride * a + kernel_size) for a in (i, j))
        yield (n, i, j, c), (n, rows, columns, c), xp[n, rows, columns, c]


def pool_backward(dy, x, kernel_size, stride, padding):
    dx = np.pad(np.zeros_like(x), ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    for at, place, window in windows_of(x, dy, kernel_size, stride, padding):
        r, t = np.unravel_index(window.argmax(), window.shape)
        dx[place][r, t] += dy[at]
    return dx[:, padding : padding + x.shape[1], padding : padding + x.shape[2]]


# FluxML/NNlib.jl #133: padding takes part in the maximum, as a 0 that wins over negative elements
def padding_wins(dy, x, kernel_size, stride, padding):
    dx = np.pad(np.zeros_like(x), ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    for at, place, window in windows_of(x, dy, kernel_size, stride, padding, fill=0.0):
        r, t = np.unravel_index(window.argmax(), window.shape)
        dx[place][r, t] += dy[at]
    return dx[:, padding : padding + x.shape[1], padding : padding + x.shape[2]]


# numpy-ml, Pool2D(mode="max"): the backward indexes x, not the padded x, and raises where there is padding
def unpadded_input(dy, x, kernel_size, stride, padding):
    dx = np.pad(np.zeros_like(x), ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    for n, i, j, c in np.ndindex(*dy.shape):
        window = x[n, stride * i : stride * i + kernel_size, stride * j : stride * j + kernel_size, c]
        r, t = np.unravel_index(window.argmax(), (kernel_size, kernel_size))
        dx[n, stride * i + r, stride * j + t, c] += dy[n, i, j, c] * (window[r, t] == window.max())
    return dx[:, padding : padding + x.shape[1], padding : padding + x.shape[2]]


# Theano #4568: the gradient of a maximum of equal elements is (1, 1); also what Halide's autodiff does
def ties_counted_twice(dy, x, kernel_size, stride):
    dx = np.zeros_like(x)
    for at, place, window in windows_of(x, dy, kernel_size, stride):
        dx[place] += dy[at] * (window == window.max())
    return dx


# tensorflow #4886: reduce_max shares the gradient among equal elements, max_pool gives it to the first
def ties_shared(dy, x, kernel_size, stride):
    dx = np.zeros_like(x)
    for at, place, window in windows_of(x, dy, kernel_size, stride):
        mask = window == window.max()
        dx[place] += dy[at] * mask / mask.sum()
    return dx


def pool_without_padding(dy, x, kernel_size, stride):
    return pool_backward(dy, x, kernel_size, stride, 0)


# tangermeme #95, pytorch #80204: an unpooling that assigns loses all windows but one that chose the same element
def windows_overwritten(dy, x, kernel_size, stride):
    dx = np.zeros_like(x)
    for at, place, window in windows_of(x, dy, kernel_size, stride):
        r, t = np.unravel_index(window.argmax(), window.shape)
        dx[place][r, t] = dy[at]
    return dx


# devitocodes/joey PR #5 and source: windows are taken to lie side by side whatever the stride is
def windows_side_by_side(dy, x, argmax, kernel_size, stride):
    dx = np.zeros_like(x)
    for n, i, j, c in np.ndindex(*dy.shape):
        r, t = divmod(int(argmax[n, i, j, c]), kernel_size)
        h, v = kernel_size * i + r, kernel_size * j + t
        if h < x.shape[1] and v < x.shape[2]:
            dx[n, h, v, c] += dy[n, i, j, c]
    return dx


def windows_at_their_stride(dy, x, argmax, kernel_size, stride):
    dx = np.zeros_like(x)
    for n, i, j, c in np.ndindex(*dy.shape):
        r, t = divmod(int(argmax[n, i, j, c]), kernel_size)
        dx[n, stride * i + r, stride * j + t, c] += dy[n, i, j, c]
    return dx


# ----- functions and indices ------------------------------------------------------------------------------------------


# inducer/loopy, the table entry of tanh in transform/diff.py
def tanh_slope(dy, x):
    return dy * (1 - np.tanh(x)) ** 2


def tanh_backward(dy, x):
    return dy / np.cosh(x) ** 2


# A clip has two ends: what is above the upper one was forgotten
def upper_end_forgotten(dy, x):
    return dy * (x > 0)


def both_ends(dy, x):
    return dy * ((x > 0) & (x < 6))


# deeplearning4j/libnd4j #440: of the Jacobian matrix of softmax only the diagonal, y*(1-y)
def softmax_as_if_elementwise(dy, y):
    return dy * y * (1 - y)


# HomericIntelligence/Odyssey #2134: the dot product in the gradient of softmax is missing
def softmax_without_dot_product(dy, y):
    return dy * y


def softmax_backward(dy, y):
    return y * (dy - (dy * y).sum(-1, keepdims=True))


# HIPS/autograd #39, karpathy/nn-zero-to-hero #57: += with an array of indices adds once where one occurs twice
def repeated_labels_added_once(dy, t, w):
    dw = np.zeros_like(w)
    dw[t] += dy
    return {"dw": dw}


def repeated_labels(dy, t, w):
    dw = np.zeros_like(w)
    np.add.at(dw, t, dy)
    return {"dw": dw}


# halide/Halide #7385: the gradient of out(i) = in(i, i) is nonzero off the diagonal
def off_the_diagonal(dy, x):
    return np.repeat(dy[:, None], len(dy), 1)


def on_the_diagonal(dy, x):
    return np.diag(dy)


# symforce #445: 0 * inf in the branch that is not taken is NaN
def nan_of_the_other_branch(dy, x):
    with np.errstate(all="ignore"):
        return dy * (x > 0) * 0.5 / np.sqrt(x)


def branch_taken(dy, x):
    return dy * np.where(x > 0, 0.5 / np.sqrt(np.abs(x)), 0)


# devitocodes/joey, Flat: c*height + d is right for square images only
def square_images_only(dy, x):
    dx = np.zeros_like(x)
    (_, H, W, C), size = x.shape, dy.shape[1]
    for h, v, c in np.ndindex(H, W, C):
        at = H * C * h + C * v + c
        if at < size:
            dx[:, h, v, c] = dy[:, at]
    return dx


def images_of_any_shape(dy, x):
    return dy.reshape(x.shape)


# ----- sums, means and paths ------------------------------------------------------------------------------------------


def affine(dy, x, w, b):
    return dy @ w.T, x.T @ dy, dy.sum(0)


# kvfrans/notes #5: the mean over the batch where the sum is due
def bias_mean(dy, x, w, b):
    return dy @ w.T, x.T @ dy, dy.mean(0)


# rasbt/stat453-deep-learning-ss21 #5: one sum over everything, broadcast to all biases
def bias_one_for_all(dy, x, w, b):
    return dy @ w.T, x.T @ dy, np.full(b.shape, dy.sum())


# The weight is not transposed: right for symmetric ones only, and impossible for most
def not_transposed(dy, x, w, b):
    return dy @ w, x.T @ dy, dy.sum(0)


def normalised(x, eps):
    return (x - x.mean(0)) / np.sqrt(x.var(0) + eps)


# deeplearning4j PR #8379, chainer PR #798: mean and variance are taken for constants
def statistics_constant(dy, x, gamma, beta, eps):
    return dy * gamma / np.sqrt(x.var(0) + eps), (dy * normalised(x, eps)).sum(0), dy.sum(0)


def batch_norm_backward(dy, x, gamma, beta, eps):
    h, dh = normalised(x, eps), dy * gamma
    dx = (dh - dh.mean(0) - h * (dh * h).mean(0)) / np.sqrt(x.var(0) + eps)
    return dx, (dy * h).sum(0), dy.sum(0)


# The gradient of a mean of squares without 2/M
def scale_forgotten(x, t):
    return x - t


def mean_squared_error(x, t):
    return 2 * (x - t) / x.size


# The average over a plane is passed back undivided
def mean_forgotten(dy, x):
    return np.broadcast_to(dy[:, None, None], x.shape).copy()


def mean_kept(dy, x):
    return mean_forgotten(dy, x) / (x.shape[1] * x.shape[2])


# The delta of softmax and cross-entropy, not divided by the batch over which the loss is the mean
def batch_forgotten(x, t):
    p = np.exp(x - x.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True) - np.eye(x.shape[-1])[t]


def batch_counted(x, t):
    return batch_forgotten(x, t) / len(x)


# inputs as scratch memory: what is returned is right, but dy is not what it was
def in_place(dy, y):
    dy *= 1 - y**2
    return dy


def out_of_place(dy, y):
    return dy * (1 - y**2)


MUSEUM = (
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
    Exhibit(
        padding_wins, pool_backward, "max_pool2d", "dx", "differs", "without the brackets [0≤si+r−p<H][0≤sj+t−p<W] in y"
    ),
    Exhibit(unpadded_input, pool_backward, "max_pool2d", "", "raises", "Error"),
    Exhibit(
        ties_counted_twice, pool_without_padding, "max_pool2d", "dx", "differs", "given to every element that equals"
    ),
    Exhibit(ties_shared, pool_without_padding, "max_pool2d", "dx", "differs", "--ties split"),
    Exhibit(windows_overwritten, pool_without_padding, "max_pool2d", "dx", "differs", "= instead of +="),
    Exhibit(windows_side_by_side, windows_at_their_stride, "max_pool2d", "dx", "differs", "with R in the place of s"),
    Exhibit(tanh_slope, tanh_backward, "tanh", "dx", "differs", "with (1−y[e])² instead of 1−y[e]²"),
    Exhibit(upper_end_forgotten, both_ends, "relu6", "dx", "differs", "without the factor [max(0, x[e])<6]"),
    Exhibit(
        softmax_as_if_elementwise, softmax_backward, "softmax", "dx", "differs", "with the diagonal of ∂y/∂x alone"
    ),
    Exhibit(softmax_without_dot_product, softmax_backward, "softmax", "dx", "differs", "by way of h"),
    Exhibit(repeated_labels_added_once, repeated_labels, "embedding", "dw", "differs", "= instead of +="),
    Exhibit(off_the_diagonal, on_the_diagonal, "y[i] = x[i,i]", "dx", "differs", "without the bracket [m=i]"),
    Exhibit(
        nan_of_the_other_branch, branch_taken, "y[i] = [x[i] > 0] * sqrt(x[i])", "dx", "differs", "does not undo NaN"
    ),
    Exhibit(square_images_only, images_of_any_shape, "flatten", "dx", "differs", "with H in the place of W"),
    Exhibit(bias_mean, affine, "dense", "db", "differs", "as if a mean over e were asked for"),
    Exhibit(bias_one_for_all, affine, "dense", "db", "differs", "without the bracket"),
    Exhibit(not_transposed, affine, "dense", "dx", "differs", "with w[k,c] instead of w[c,k]"),
    Exhibit(statistics_constant, batch_norm_backward, "batch_norm", "dx", "differs", "by way of v and by way of m"),
    Exhibit(scale_forgotten, mean_squared_error, "mean_squared_error", "dx", "differs", "without the factor 2/M"),
    Exhibit(
        mean_forgotten, mean_kept, "y[n] = sum(r,t) x[n,r,t] / (R*T)", "dx", "differs", "without the factor 1/(RT)"
    ),
    Exhibit(batch_forgotten, batch_counted, "softmax_cross_entropy", "dx", "differs", "the derived one times N"),
    Exhibit(in_place, out_of_place, "tanh", "", "modifies", "work on a copy"),
)
