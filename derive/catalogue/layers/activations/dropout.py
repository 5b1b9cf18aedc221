"""Dropout, forward equation only; x may have any shape."""

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer


def dropout() -> Layer:
    """Elements where the given mask is 0 are dropped, the others are scaled so that the expectation stays x.

    After training nothing is dropped, and there is no mask. p = 1 is no rate: what is left would be scaled by 1/0.
    """
    return read(
        """
        input x[...], mask[...]
        constant mask
        p = 0.5
        0 <= p < 1
        y[...] = mask[...] * x[...] / (1 - p)
        evaluation y[...] = x[...]
        """,
        "dropout",
        title=LAYERS["dropout"].title,
        source="Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, 2014, section 4",
    )
