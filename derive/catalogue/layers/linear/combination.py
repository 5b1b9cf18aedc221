"""Layers that join two branches of a network, forward equations only."""

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.ir.index import integers
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer

C, D = integers("C D")


def residual_add() -> Layer:
    """The sum of a branch x and the shortcut z around it, of any shape."""
    return read(
        "y[...] = x[...] + z[...]",
        "residual_add",
        title=LAYERS["residual_add"].title,
        source="He et al., Deep residual learning for image recognition, 2016, eq. 1",
    )


def concatenation() -> Layer:
    """The channels of x and behind them those of z; there may be any number of axes before."""
    return read(
        """
        y[..., c] = x[..., c]
        y[..., C + d] += z[..., d]
        """,
        "concatenation",
        title=LAYERS["concatenation"].title,
        axes=((C, "channels"), (D, "channels")),
        source="Szegedy et al., Going deeper with convolutions, 2015, section 4",
    )
