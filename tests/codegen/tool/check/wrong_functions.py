"""Wrong backwards of functions and of what indices pick, beside their corrected versions; see wrong_gradients."""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from tests.codegen.tool.check.exhibit import Exhibit


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


FUNCTIONS = (
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
)
