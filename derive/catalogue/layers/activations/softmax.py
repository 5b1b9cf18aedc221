"""Softmax over the last axis, forward equations only; any axes may stand before it.

The maximum m keeps exp from overflowing and counts as a constant: a shift of x does not change the result. The
logarithm s of the sum has a name, since its gradient is the sum that the textbook's formula subtracts.
"""

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer

SOURCE = "Bridle, Probabilistic interpretation of feedforward classification network outputs, 1990"


def softmax() -> Layer:
    """The distribution proportional to exp(x)."""
    return read(
        """
        constant m
        m[...] = max(k) x[..., k]
        h[..., k] = exp(x[..., k] - m[...])
        z[...] = sum(k) h[..., k]
        s[...] = log(z[...])
        y[..., k] = exp(x[..., k] - m[...] - s[...])
        """,
        "softmax",
        title=LAYERS["softmax"].title,
        source=SOURCE,
    )


def log_softmax() -> Layer:
    """The logarithm of softmax; the difference u is taken first, so that nothing cancels."""
    return read(
        """
        constant m
        m[...] = max(k) x[..., k]
        u[..., k] = x[..., k] - m[...]
        h[..., k] = exp(u[..., k])
        z[...] = sum(k) h[..., k]
        s[...] = log(z[...])
        y[..., k] = u[..., k] - s[...]
        """,
        "log_softmax",
        class_name="LogSoftmax",
        title=LAYERS["log_softmax"].title,
        source=SOURCE,
    )
