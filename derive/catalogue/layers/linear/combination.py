"""Layers that join branches of a network, forward equations only."""

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.ir.index import integers
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer

C, D, S = integers("C D S")


def _inputs(count: int) -> tuple[str, ...]:
    """The names of the branches: x, z, x3, ..."""
    return ("x", "z", *(f"x{k}" for k in range(3, count + 1)))


def residual_add(branches: int = 2) -> Layer:
    """The sum of a branch x and the shortcut z around it, or of more branches, of any shape."""
    return read(
        f"y[...] = {' + '.join(f'{x}[...]' for x in _inputs(branches))}",
        "residual_add",
        title=LAYERS["residual_add"].title,
        source="He et al., Deep residual learning for image recognition, 2016, eq. 1",
    )


def elementwise_product(branches: int = 2) -> Layer:
    """The product of a branch x and the gate z that lets it through, or of more branches, of any shape."""
    return read(
        f"y[...] = {' * '.join(f'{x}[...]' for x in _inputs(branches))}",
        "elementwise_product",
        title=LAYERS["elementwise_product"].title,
        source="Dauphin et al., Language modeling with gated convolutional networks, 2017, eq. 1",
    )


def channel_product() -> Layer:
    """The channels of x, each times its factor z, at all positions; there may be any number of axes between."""
    return read(
        """
        input x[N, ..., C], z[N, C]
        y[n, ..., c] = x[n, ..., c] * z[n, c]
        """,
        "channel_product",
        title=LAYERS["channel_product"].title,
        axes=((C, "channels"),),
        source="Hu, Shen and Sun, Squeeze-and-excitation networks, 2018, eq. 4",
    )


def concatenation(branches: int = 2) -> Layer:
    """The channels of x and behind them those of z, and of more branches; there may be any number of axes before."""
    letters = ("c", "d", *(f"c{k}" for k in range(3, branches + 1)))
    before, lines = "", []
    for name, letter in zip(_inputs(branches), letters, strict=True):
        lines.append(f"y[..., {before}{letter}] {'+=' if before else '='} {name}[..., {letter}]")
        before += f"{letter.upper()} + "
    given = ", ".join(f"{x}[..., {c.upper()}]" for x, c in zip(_inputs(branches), letters, strict=True))
    return read(
        "\n".join((f"input {given}", *lines)),
        "concatenation",
        title=LAYERS["concatenation"].title,
        axes=tuple((extent, "channels") for extent in integers(" ".join(c.upper() for c in letters))),
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
