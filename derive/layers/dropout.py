"""Dropout, forward equation only; x may have any shape."""

from collections.abc import Callable

from derive.interface import Layer
from derive.language import read


def dropout() -> Layer:
    """Elements where the given mask is 0 are dropped, the others are scaled so that the expectation stays x."""
    return read(
        """
        input x[...], mask[...]
        constant mask
        p = 0.5
        y[...] = mask[...] * x[...] / (1 - p)
        """,
        "dropout",
        title="inverted dropout with a given mask",
        source="Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, 2014, section 4",
    )


DROPOUTS: dict[str, Callable[[], Layer]] = {
    "dropout": dropout,
}
