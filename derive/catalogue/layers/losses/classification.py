"""Losses of class labels, forward equations only; each is the mean over the batch.

Scores are taken relative to the largest of them, m, so that nothing overflows and nothing cancels: both summands are
at least 0. m counts as a constant, since no loss depends on it.
"""

from sympy import Symbol

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.layers.activations.activation import number
from gradscribe.derive.ir.index import integers
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Kind, Layer, Option
from gradscribe.derive.layer.interval import Interval
from gradscribe.said import Message

N, K, E = integers("N K E")
IGNORE = Option("ignore_index", (Symbol("i", real=True),), Kind.COUNT, -100, Interval(-(2**31), 2**31 - 1))
"""The label that stands for no class."""


def softmax_cross_entropy() -> Layer:
    """Softmax of the scores x and negative log-likelihood of the labels t, shifted by the maximum m for stability."""
    return read(
        """
        integer t
        constant m
        m[n] = max(k) x[n, k]
        h[n, k] = exp(x[n, k] - m[n])
        z[n] = sum(k) h[n, k]
        y = sum(n) log(z[n]) / N + sum(n, k) [k == t[n]] * (m[n] - x[n, k]) / N
        """,
        "softmax_cross_entropy",
        title=LAYERS["softmax_cross_entropy"].title,
        axes=((N, "batch"), (K, "classes")),
        source="Bridle, Probabilistic interpretation of feedforward classification network outputs, 1990",
    )


def cross_entropy() -> Layer:
    """Softmax with cross-entropy, with class weights w, smoothed labels and a label that is ignored.

    The label t has the weight ``1 - label_smoothing``, and all classes share the rest; q is that times the class's
    weight. The mean is over the weights of the labels that count, so that it is 0/0 where none does.
    """
    return read(
        """
        input x[..., K], t[...], w[K]
        integer t
        factor w
        constant w, m
        i = -100.0
        epsilon = 0.0
        0 <= epsilon <= 1
        m[...] = max(k) x[..., k]
        h[..., k] = exp(x[..., k] - m[...])
        z[...] = sum(k) h[..., k]
        q[..., k] = [t[...] != i] * w[k] * ((1 - epsilon) * [k == t[...]] + epsilon / K)
        a[...] = sum(k) q[..., k]
        s = sum(..., k) [t[...] != i] * [k == t[...]] * w[k]
        y = sum(...) a[...] * log(z[...]) / s + sum(..., k) [q[..., k] != 0] * q[..., k] * (m[...] - x[..., k]) / s
        """,
        "cross_entropy",
        title=LAYERS["cross_entropy"].title,
        options=(IGNORE, number("label_smoothing", "epsilon", 0.0)),
        axes=((K, "classes"), (E, "labels")),
        source="Szegedy et al., Rethinking the Inception architecture for computer vision, 2016, section 7",
    )


def nll_loss() -> Layer:
    """Negative log-likelihood of the labels t for log-probabilities x, with class weights w and an ignored label."""
    return read(
        """
        input x[..., K], t[...], w[K]
        integer t
        factor w
        constant w
        i = -100.0
        a[...] = sum(k) [t[...] != i] * [k == t[...]] * w[k]
        s = sum(...) a[...]
        y = -(sum(..., k) [k == t[...]] * a[...] * x[..., k] / s)
        """,
        "nll_loss",
        class_name="NLLLoss",
        title=LAYERS["nll_loss"].title,
        options=(IGNORE,),
        axes=((K, "classes"), (E, "labels")),
        source="Fisher, On the mathematical foundations of theoretical statistics, 1922, section 6",
    )


def map_criterion() -> Layer:
    """LeNet-5's discriminative loss of the penalties x: that of the label t is pulled down, the others are pushed up.

    A class of rubbish with the constant penalty j keeps penalties that are large already from being pushed further.
    """
    return read(
        """
        integer t
        constant m
        j = 1.0
        m[n] = min(k) min(x[n, k], j)
        h[n, k] = exp(m[n] - x[n, k])
        z[n] = exp(m[n] - j) + sum(k) h[n, k]
        y = sum(n) log(z[n]) / N + sum(n, k) [k == t[n]] * (x[n, k] - m[n]) / N
        """,
        "map_criterion",
        title=LAYERS["map_criterion"].title,
        options=(number("rubbish", "j", 1.0, words=Message("rubbish")),),
        axes=((N, "batch"), (K, "classes")),
        source="LeCun et al., Gradient-based learning applied to document recognition, 1998, eq. 9",
    )
