"""Wrong backwards of poolings, beside their corrected versions; see wrong_gradients."""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from tests.codegen.tool.check.exhibit import Exhibit


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


POOLINGS = (
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
)
