"""Wrong backwards of sums, means and paths, beside their corrected versions; see wrong_gradients."""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from tests.codegen.tool.check.exhibit import Exhibit


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


SUMS = (
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
