"""Layers that join two branches of a network, forward equations only."""

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.ir.index import integers
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer

C, D, S = integers("C D S")


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


def alpha_compositing() -> Layer:
    """The colours x of the samples along a ray, each with its opacity a, dimmed by all samples before it.

    An opacity is 1 - exp(-density * distance) in volume rendering. There may be any number of axes before.
    """
    return read(
        """
        input x[..., S, C], a[..., S]
        t[..., i] = prod(j) [j < i] (1 - a[..., j])
        y[..., c] = sum(i) t[..., i] * a[..., i] * x[..., i, c]
        """,
        "alpha_compositing",
        title=LAYERS["alpha_compositing"].title,
        axes=((S, "samples"), (C, "channels")),
        source="Mildenhall et al., NeRF: Representing scenes as neural radiance fields for view synthesis, 2020, eq. 3",
    )
