"""Losses that compare element by element, forward equations only; each is the mean over all elements."""

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer


def mean_squared_error() -> Layer:
    """The mean of the squared differences of x and the target t, over all elements."""
    return read(
        """
        constant t
        y = sum(...) (x[...] - t[...])^2 / E
        """,
        "mean_squared_error",
        title=LAYERS["mean_squared_error"].title,
        source="LeCun et al., Gradient-based learning applied to document recognition, 1998, eq. 8",
    )


def l1_loss() -> Layer:
    """The mean of the absolute differences r of x and the target t; its derivative is 0 where they are equal."""
    return read(
        """
        constant t
        r[...] = x[...] - t[...]
        y = sum(...) abs(r[...]) / E
        """,
        "l1_loss",
        title=LAYERS["l1_loss"].title,
        source="Hastie, Tibshirani and Friedman, The elements of statistical learning, 2009, section 10.6",
    )


def huber_loss() -> Layer:
    """Quadratic where the difference r of x and the target t is at most delta, and linear beyond."""
    return read(
        """
        delta = 1.0
        delta > 0
        constant t
        r[...] = x[...] - t[...]
        y = sum(...) [abs(r[...]) <= delta] * r[...]^2 / 2 / E \\
            + sum(...) [abs(r[...]) > delta] * delta * (abs(r[...]) - delta / 2) / E
        """,
        "huber_loss",
        title=LAYERS["huber_loss"].title,
        source="Huber, Robust estimation of a location parameter, 1964, eq. 1.3",
    )


def smooth_l1_loss() -> Layer:
    """The Huber loss divided by its threshold beta: the slope beyond is 1.

    beta = 0 gives the absolute difference; NumPy then warns of a division in the branch that is not taken.
    """
    return read(
        """
        beta = 1.0
        beta >= 0
        constant t
        r[...] = x[...] - t[...]
        y = sum(...) [abs(r[...]) < beta] * r[...]^2 / (2 * beta) / E \\
            + sum(...) [abs(r[...]) >= beta] * (abs(r[...]) - beta / 2) / E
        """,
        "smooth_l1_loss",
        class_name="SmoothL1Loss",
        title=LAYERS["smooth_l1_loss"].title,
        source="Girshick, Fast R-CNN, 2015, eq. 3",
    )


def binary_cross_entropy() -> Layer:
    """Negative log-likelihood of the targets t from 0 to 1 under the probabilities x; no logarithm is below -100."""
    return read(
        """
        constant t
        y = -(sum(...) t[...] * max(log(x[...]), -100) / E + sum(...) (1 - t[...]) * max(log1p(-x[...]), -100) / E)
        """,
        "binary_cross_entropy",
        title=LAYERS["binary_cross_entropy"].title,
        source="Bishop, Pattern recognition and machine learning, 2006, eq. 4.90",
    )


def binary_cross_entropy_with_logits() -> Layer:
    """The binary cross-entropy of sigmoid(x), without overflow; both summands are at least 0, so that none cancels."""
    return read(
        """
        constant t
        y = sum(...) ((1 - t[...]) * softplus(x[...]) + t[...] * softplus(-x[...])) / E
        """,
        "binary_cross_entropy_with_logits",
        title=LAYERS["binary_cross_entropy_with_logits"].title,
        source="Bishop, Pattern recognition and machine learning, 2006, eq. 4.90",
    )


def kl_divergence() -> Layer:
    """The divergence of the log-probabilities x from the probabilities t, the mean over the batch (the first axis).

    Elements with t = 0 contribute nothing.
    """
    return read(
        """
        constant t
        y = sum(n, ...) [t[n, ...] != 0] * t[n, ...] * (log(t[n, ...]) - x[n, ...]) / N
        """,
        "kl_divergence",
        title=LAYERS["kl_divergence"].title,
        source="Kullback and Leibler, On information and sufficiency, 1951, eq. 2.3",
    )


def hinge_loss() -> Layer:
    """The mean of ``max(0, 1 - t*x)`` for targets t of -1 and 1; its derivative at the kink is 0."""
    return read(
        """
        constant t
        y = sum(...) relu(1 - t[...] * x[...]) / E
        """,
        "hinge_loss",
        title=LAYERS["hinge_loss"].title,
        source="Cortes and Vapnik, Support-vector networks, 1995, section 3",
    )
