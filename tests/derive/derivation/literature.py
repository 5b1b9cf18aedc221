"""Gradients in closed form as the literature has them, written by hand."""

from collections.abc import Callable

import numpy as np

Array = np.ndarray
Formula = Callable[..., Array]
EPSILON = 0.3


def normalised(x: Array, axes: tuple[int, ...], signal: Array, less: int = 0, epsilon: float = EPSILON) -> Array:
    """Ioffe and Szegedy, 2015, section 3, with all put in; `less` is what the variance divides by less."""
    n = np.prod([x.shape[a] for a in axes])
    variance = ((x - x.mean(axes, keepdims=True)) ** 2).sum(axes, keepdims=True) / (n - less)
    hat = (x - x.mean(axes, keepdims=True)) / np.sqrt(variance + epsilon)
    inner = signal - signal.mean(axes, keepdims=True) - hat * (signal * hat).sum(axes, keepdims=True) / (n - less)
    return np.asarray(inner / np.sqrt(variance + epsilon))


def softmax(x: Array) -> Array:
    """Over the last axis."""
    return np.asarray(np.exp(x) / np.exp(x).sum(-1, keepdims=True))


def through_softmax(x: Array, signal: Array) -> Array:
    """dS = P * (dP - rowsum(dP * P)), Dao et al., FlashAttention, 2022, appendix B.2."""
    p = softmax(x)
    return np.asarray(p * (signal - (signal * p).sum(-1, keepdims=True)))


def grouped(x: Array, gamma: Array, dy: Array, size: int) -> Array:
    """Wu and He, 2018: each group of channels of each example."""
    shape = (*x.shape[:-1], x.shape[-1] // size, size)
    signal = (dy * gamma).reshape(shape)
    return normalised(x.reshape(shape), (*range(1, x.ndim - 1), x.ndim), signal).reshape(x.shape)


def root_mean_square(x: Array, gamma: Array, dy: Array) -> Array:
    """Zhang and Sennrich, 2019, equation 8."""
    root = np.sqrt((x**2).mean(-1, keepdims=True) + EPSILON)
    return np.asarray((gamma * dy - x / root**2 * (gamma * dy * x).mean(-1, keepdims=True)) / root)


CATALOGUE: dict[tuple[str, str], Formula] = {
    ("batch_norm", "x"): lambda x, gamma, dy, **_: normalised(x, (0,), gamma * dy),
    ("layer_norm", "x"): lambda x, gamma, dy, **_: normalised(x, (-1,), gamma * dy),
    ("instance_norm", "x"): lambda x, gamma, dy, **_: normalised(x, (1,), gamma * dy),
    ("group_norm", "x"): lambda x, gamma, dy, C, **_: grouped(x, gamma, dy, C),
    ("rms_norm", "x"): lambda x, gamma, dy, **_: root_mean_square(x, gamma, dy),
    ("softmax", "x"): lambda x, dy, **_: through_softmax(x, dy),
    ("log_softmax", "x"): lambda x, dy, **_: dy - softmax(x) * dy.sum(-1, keepdims=True),
    ("binary_cross_entropy_with_logits", "x"): lambda x, t, dy, **_: (1 / (1 + np.exp(-x)) - t) / x.size * dy,
    ("scaled_dot_product_attention", "u"): lambda u, v, dy, **_: through_softmax(u, dy @ v.swapaxes(-1, -2)),
}

OWN: dict[str, tuple[str, str, Formula]] = {
    "centred": (
        "m[n] = sum(i) x[n, i] / I; y[n, j] = x[n, j] - m[n]",
        "x",
        lambda dy, **_: dy - dy.mean(1, keepdims=True),
    ),
    "unbiased, no name for what is normalised": (
        "m[c] = sum(n) x[n, c] / (N + 1 - 1); v[c] = sum(i) (x[i, c] - m[c])^2 / (N + 1);"
        "y[n, c] = g[c] * (x[n, c] - m[c]) / sqrt(v[c] + 3/10)",
        "x",
        lambda x, g, dy, **_: normalised(x, (0,), g * dy, less=-1),
    ),
    "of a sum": (
        "s[n, c] = x[n, c] + u[n, c]; m[c] = sum(n) s[n, c] / N; v[c] = sum(n) (s[n, c] - m[c])^2 / N;"
        "y[n, c] = (s[n, c] - m[c]) / sqrt(v[c] + 3/10)",
        "s",
        lambda s, dy, **_: normalised(s, (0,), dy),
    ),
    "by the maximum": (
        "m[n] = max(j) x[n, j]; y[n, j] = x[n, j] / m[n]",
        "x",
        lambda x, dy, **_: (dy - (x == x.max(1, keepdims=True)) * (dy * x).sum(1, keepdims=True)
                            / x.max(1, keepdims=True)) / x.max(1, keepdims=True),
    ),
    "by the sum of absolute values": (
        "s[n] = sum(j) abs(x[n, j]); y[n, j] = x[n, j] / s[n]",
        "x",
        lambda x, dy, **_: (dy - np.sign(x) * (dy * x).sum(1, keepdims=True) / np.abs(x).sum(1, keepdims=True))
        / np.abs(x).sum(1, keepdims=True),
    ),
    "by the norm": (
        "y[n, d] = x[n, d] / sqrt(sum(j) x[n, j]^2)",
        "x",
        lambda x, dy, **_: dy / np.linalg.norm(x, axis=1, keepdims=True)
        - x * (dy * x).sum(1, keepdims=True) / np.linalg.norm(x, axis=1, keepdims=True) ** 3,
    ),
    # Salimans and Kingma, Weight normalization, 2016, equation 3
    "weights by their norm": (
        "r[k] = sqrt(sum(c) v[c, k]^2); w[c, k] = g[k] * v[c, k] / r[k]; y[n, k] = sum(c) x[n, c] * w[c, k]",
        "v",
        lambda x, v, g, dy, **_: g / np.linalg.norm(v, axis=0) * (
            x.T @ dy - v * ((x.T @ dy) * v).sum(0) / np.linalg.norm(v, axis=0) ** 2),
    ),
    "cosines of pairs": (
        "p[n] = sqrt(sum(d) a[n, d]^2); q[n] = sqrt(sum(d) b[n, d]^2); y[n] = (sum(d) a[n, d]*b[n, d]) / (p[n]*q[n])",
        "a",
        lambda a, b, dy, **_: cosines(a, b[:, None], dy[:, None]),
    ),
    "cosines of all": (
        "p[n] = sqrt(sum(d) a[n, d]^2); q[m] = sqrt(sum(d) b[m, d]^2);"
        "y[n, m] = (sum(d) a[n, d] * b[m, d]) / (p[n] * q[m])",
        "a",
        lambda a, b, dy, **_: cosines(a, b[None], dy),
    ),
    "softmax of scores by a temperature": (
        "t = 1.5; y[n, k] = exp(x[n, k] / t) / sum(i) exp(x[n, i] / t)",
        "x",
        lambda x, dy, t, **_: through_softmax(x / t, dy) / t,
    ),
    "entropy": (
        "z[n] = sum(k) exp(x[n, k]); p[n, k] = exp(x[n, k]) / z[n]; y[n] = -sum(k) p[n, k] * log(p[n, k])",
        "x",
        lambda x, dy, **_: through_softmax(x, -dy[:, None] * (1 + np.log(softmax(x)))),
    ),
    "cross entropy of distributions": (
        "constant t; y = -sum(n, k) t[n, k] * log(exp(x[n, k]) / sum(j) exp(x[n, j])) / N",
        "x",
        lambda x, t, dy, **_: dy * (softmax(x) * t.sum(1, keepdims=True) - t) / len(x),
    ),
    # Katharopoulos et al., Transformers are RNNs, 2020, equation 4, with the identity for the feature map
    "linear attention": (
        "z[i] = sum(j, d) q[i, d] * k[j, d]; y[i, f] = sum(j, d) q[i, d] * k[j, d] * v[j, f] / z[i]",
        "q",
        lambda q, k, v, dy, **_: (dy @ v.T - (dy * (q @ k.T @ v)).sum(1, keepdims=True) / (q @ k.T).sum(1)[:, None])
        @ k / (q @ k.T).sum(1)[:, None],
    ),
    # Woo et al., ConvNeXt V2, 2023, equation 3: x + b + g x r/m with r the norm of a channel, m the mean of all
    "global response": (
        "r[n, c] = sqrt(sum(h) x[n, h, c]^2); m[n] = sum(c) r[n, c] / C + 1/10; input x[N, H, C];"
        "y[n, h, c] = g[c] * x[n, h, c] * r[n, c] / m[n] + x[n, h, c]",
        "x",
        lambda x, g, dy, **_: through_global_response(x, g, dy),
    ),
    # Qiao et al., Weight standardization, 2019, equation 11
    "weights standardised": (
        "m[k] = sum(c) w[c, k] / C; v[k] = sum(c) (w[c, k] - m[k])^2 / C;"
        "h[c, k] = (w[c, k] - m[k]) / sqrt(v[k] + 3/10); y[n, k] = sum(c) x[n, c] * h[c, k]",
        "w",
        lambda x, w, dy, **_: normalised(w, (0,), x.T @ dy),
    ),
    "correlation of Pearson": (
        "m[n] = sum(d) a[n, d] / D; q[n] = sum(d) b[n, d] / D; s[n] = sqrt(1 + sum(d) (a[n, d] - m[n])^2);"
        "t[n] = sqrt(1 + sum(d) (b[n, d] - q[n])^2); y[n] = sum(d) (a[n, d] - m[n]) * (b[n, d] - q[n]) / (s[n] * t[n])",
        "a",
        lambda a, b, dy, **_: through_correlation(a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True), dy),
    ),
    "softmin": (
        "y[n, k] = exp(-x[n, k]) / sum(i) exp(-x[n, i])",
        "x",
        lambda x, dy, **_: -through_softmax(-x, dy),
    ),
    "shares of what weights let through": (
        "constant m; z[n] = sum(k) m[n, k]^2 * exp(x[n, k]); y[n, k] = m[n, k]^2 * exp(x[n, k]) / z[n]",
        "x",
        lambda x, m, dy, **_: through_softmax(x + 2 * np.log(np.abs(m)), dy),
    ),
    "shares of what a bracket lets through": (
        "h[i, j] = [j <= i] * exp(x[i, j]); z[i] = sum(j) h[i, j]; y[i, j] = h[i, j] / z[i]",
        "x",
        lambda x, dy, **_: through_softmax(causal(x), dy),
    ),
    "the same, no name for what is let through": (
        "z[i] = sum(j) [j <= i] * exp(x[i, j]); p[i, j] = [j <= i] * exp(x[i, j]) / z[i];"
        "y[i, f] = sum(j) p[i, j] * v[j, f]",
        "x",
        lambda x, v, dy, **_: through_softmax(causal(x), dy @ v.T),
    ),
    "mean weighted by a softmax": (
        "z[n] = sum(d) exp(x[n, d]); y[n] = sum(d) x[n, d] * exp(x[n, d]) / z[n]",
        "x",
        lambda x, dy, **_: dy[:, None] * softmax(x) * (1 + x - (softmax(x) * x).sum(1, keepdims=True)),
    ),
    # Hoyer, Non-negative matrix factorization with sparseness constraints, 2004, the ratio of the norms
    "ratio of norms": (
        "y[n] = sum(d) abs(x[n, d]) / sqrt(sum(e) x[n, e]^2)",
        "x",
        lambda x, dy, **_: dy[:, None] * (np.sign(x) - x * np.abs(x).sum(1, keepdims=True)
                                          / (x**2).sum(1, keepdims=True)) / np.linalg.norm(x, axis=1, keepdims=True),
    ),
    # dS = P * (dP - rowsum(dP * P)), Dao et al., FlashAttention, 2022, appendix B.2
    "scores of an attention": (
        "u[i, j] = sum(d) q[i, d] * k[j, d]; m[i] = max(j) u[i, j]; h[i, j] = exp(u[i, j] - m[i]);"
        "z[i] = sum(j) h[i, j]; p[i, j] = h[i, j] / z[i]; y[i, f] = sum(j) p[i, j] * v[j, f]; constant m",
        "u",
        lambda u, v, dy, **_: through_softmax(u, dy @ v.T),
    ),
    "scores, no name for the shares": (
        "u[i, j] = tanh(sum(d) a[d] * q[i, d] * k[j, d]); h[i, j] = exp(u[i, j]); z[i] = sum(j) h[i, j];"
        "y[i, f] = sum(j) h[i, j] * v[j, f] / z[i]",
        "u",
        lambda u, v, dy, **_: through_softmax(u, dy @ v.T),
    ),
    # Lin et al., Focal loss for dense object detection, 2017, appendix B
    "focal loss": (
        "integer t; z[n] = sum(j) exp(x[n, j]); p[n, k] = exp(x[n, k]) / z[n];"
        "y = -(sum(n, k) [k == t[n]] * (1 - p[n, k])^2 * log(p[n, k]))",
        "x",
        lambda x, t, dy, **_: dy * focal(softmax(x), np.eye(x.shape[1])[t]),
    ),
    "squares about the mean": (
        "m[n] = sum(i) x[n, i] / I; y = sum(n, i) (x[n, i] - m[n])^2 / N",
        "x",
        lambda x, dy, **_: 2 / len(x) * dy * (x - x.mean(1, keepdims=True)),
    ),
}  # fmt: skip


def focal(p: Array, hot: Array) -> Array:
    """The gradient of -(1 - q)^2 log q by the logits, where q is the probability of the label."""
    q = (p * hot).sum(1, keepdims=True)
    return np.asarray((2 * (1 - q) * q * np.log(q) - (1 - q) ** 2) * (hot - p))


def causal(x: Array) -> Array:
    """Scores of which those of later keys count as minus infinity."""
    return np.where(np.tri(x.shape[-2], x.shape[-1], dtype=bool), x, -np.inf)


def through_global_response(x: Array, g: Array, dy: Array) -> Array:
    """By the chain rule: the gradients by r and m written out."""
    r = np.linalg.norm(x, axis=1, keepdims=True)
    m = r.mean(-1, keepdims=True) + 0.1
    by_mean = -(dy * g * x * r).sum((1, 2), keepdims=True) / m**2
    by_norm = (dy * g * x).sum(1, keepdims=True) / m + by_mean / x.shape[-1]
    return np.asarray(dy * (1 + g * r / m) + by_norm * x / r)


def through_correlation(a: Array, b: Array, dy: Array) -> Array:
    """The gradient of a . b / (s t) for centred a and b, s and t their norms beside 1; it is centred, too."""
    s, t = np.sqrt(1 + (a**2).sum(1)), np.sqrt(1 + (b**2).sum(1))
    y = (a * b).sum(1) / (s * t)
    return np.asarray((dy / s)[:, None] * (b / t[:, None] - a * (y / s)[:, None]))


def cosines(a: Array, b: Array, dy: Array) -> Array:
    """The gradient of a . b / (|a| |b|), the sum over all b: Chen et al., A simple framework, 2020, appendix."""
    p, q = np.linalg.norm(a, axis=-1)[:, None], np.linalg.norm(b, axis=-1)
    y = (a[:, None] * b).sum(-1) / (p * q)
    return np.asarray(((dy / q)[..., None] * b - (dy * y / p)[..., None] * a[:, None]).sum(1) / p)
