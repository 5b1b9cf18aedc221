# ---
# jupyter:
#   jupytext: {text_representation: {extension: .py, format_name: percent}}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Is my backward right?
#
# You wrote a backward by hand. `check` runs it against the derived one on random shapes and options, and shows the
# smallest example on which it is wrong.

# %%
import numpy as np

from gradscribe import check

# %% [markdown]
# ## A convolution with a mistake
#
# This one goes through the positions of the output. Can you see what is wrong?


# %%
def conv_backward(dout, x, w, b, stride, pad):
    """The gradients of a convolution, by hand."""
    _, height, width, _ = x.shape
    rows, columns, _, _ = w.shape
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    dx, dw = np.zeros_like(padded), np.zeros_like(w)
    for i in range(dout.shape[1]):
        for j in range(dout.shape[2]):
            window = padded[:, stride * i : stride * i + rows, stride * j : stride * j + columns]
            dw += np.einsum("nrtc,nk->rtck", window, dout[:, i, j])
            dx[:, i : i + rows, j : j + columns] += np.einsum("nk,rtck->nrtc", dout[:, i, j], w)
    return dx[:, pad : pad + height, pad : pad + width], dw, dout.sum((0, 1, 2))


verdict = check(conv_backward, "conv2d")
print(verdict)
assert not verdict.equal

# %% [markdown]
# `check` has found it: the gradient by x is that of a convolution with stride 1. The window of `dx` has to begin at
# `stride * i` and `stride * j`, as that of `padded` does.


# %%
def repaired(dout, x, w, b, stride, pad):
    """The same, with the stride in both windows."""
    _, height, width, _ = x.shape
    rows, columns, _, _ = w.shape
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    dx, dw = np.zeros_like(padded), np.zeros_like(w)
    for i in range(dout.shape[1]):
        for j in range(dout.shape[2]):
            place = np.s_[:, stride * i : stride * i + rows, stride * j : stride * j + columns]
            dw += np.einsum("nrtc,nk->rtck", padded[place], dout[:, i, j])
            dx[place] += np.einsum("nk,rtck->nrtc", dout[:, i, j], w)
    return dx[:, pad : pad + height, pad : pad + width], dw, dout.sum((0, 1, 2))


verdict = check(repaired, "conv2d")
print(verdict)
assert verdict.equal

# %% [markdown]
# ## A softmax
#
# The slope of a softmax is often written as if its elements did not depend on each other.


# %%
def softmax_backward(dy, y):
    """The gradient of a softmax along the last axis, by hand."""
    return dy * y * (1 - y)


verdict = check(softmax_backward, "softmax")
print(verdict)
assert not verdict.equal

# %% [markdown]
# The derived gradient takes the mean of dy, weighted by y, away: all elements share one sum.


# %%
def softmax_repaired(dy, y):
    """The gradient of a softmax along the last axis."""
    return y * (dy - (dy * y).sum(axis=-1, keepdims=True))


verdict = check(softmax_repaired, "softmax")
print(verdict)
assert verdict.equal
