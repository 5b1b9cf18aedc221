"""Resampling of images: every output element is one input element, forward equations only."""

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.layers.convolutions.window import SPATIAL, joined, symbols, words
from gradscribe.derive.ir.index import integer
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Kind, Layer, Option
from gradscribe.said import Message

SHUFFLE = "Shi et al., Real-time single image and video super-resolution using a sub-pixel network, 2016, eq. 4"


def _upsampling(rank: int) -> Layer:
    """Every element repeated s times along each axis."""
    axes = SPATIAL[rank]
    extents, windows, out = (joined(axes, part) for part in ("extent", "windows", "out"))
    lines = "\n".join(f"{a.windows} = {a.symbol('s')}*{a.extent}\n{a.tap} < {a.symbol('s')}" for a in axes)
    places = ", ".join(f"{a.symbol('s')}*{a.out} + {a.tap}" for a in axes)
    return read(
        f"""
        input x[N, {extents}, C]
        output y[N, {windows}, C]
        {lines}
        y[n, {places}, c] = x[n, {out}, c]
        """,
        f"upsample_nearest{rank}d",
        class_name=f"UpsampleNearest{rank}D",
        title=LAYERS[f"upsample_nearest{rank}d"].title,
        options=(Option("scale_factor", symbols(axes, "s"), words=Message("scale factor")),),
        axes=words(axes),
        display=(("scale_factor", "s"),),
        source="Odena, Dumoulin and Olah, Deconvolution and checkerboard artifacts, 2016",
    )


def upsample_nearest1d() -> Layer:
    """Every element repeated scale_factor times."""
    return _upsampling(1)


def upsample_nearest2d() -> Layer:
    """Every element repeated scale_factor times along each axis."""
    return _upsampling(2)


def _interpolation(rank: int) -> Layer:
    """Every element from its neighbours along one axis after the other, weighted by how near they are.

    Element s*i + r lies at i + (r + 1/2)/s - 1/2 between those of x; only i - 1, i and i + 1 are nearer than 1.
    """
    axes = SPATIAL[rank]
    extents, windows = (joined(axes, part) for part in ("extent", "windows"))
    lines, source = [], "x"
    for axis, (border, q, a) in zip(axes, (("v", "k", "d"), ("h", "q", "d")), strict=False):
        s, i, r, extent = axis.symbol("s"), axis.out, axis.tap, axis.extent
        target = "y" if axis is axes[-1] else "z"
        number = axes.index(axis)
        done, rest = ["u"] * number, [other.out for other in axes[number + 1 :]]  # u runs along what is made already

        def at(tensor: str, place: str, before: list[str] = done, behind: list[str] = rest) -> str:
            return f"{tensor}[{', '.join(('n', *before, place, *behind, 'c'))}]"

        lines += [f"{axis.windows} = {s}*{extent}", f"{r} < {s}", f"{a} < 3", f"{q} < {extent} + 2"]
        first, last = at(source, "0"), at(source, f"{extent} - 1")
        lines.append(f"{at(border, q)} = {at(source, f'{q} - 1')} + [{q} < 1] * {first}")
        lines.append(f"{at(border, q)} += [{extent} < {q}] * {last}")
        near = f"relu(1 - abs(({r} + 1/2)/{s} + 1/2 - {a}))"
        lines.append(f"{at(target, f'{s}*{i} + {r}')} = sum({a}) {near} * {at(border, f'{i} + {a}')}")
        lines += [f"u < {axis.windows}"] if target == "z" else []
        source = target
    return read(
        "\n".join((f"input x[N, {extents}, C]", f"output y[N, {windows}, C]", *lines)),
        f"upsample_bilinear{rank}d",
        class_name=f"UpsampleBilinear{rank}D",
        title=LAYERS[f"upsample_bilinear{rank}d"].title,
        options=(Option("scale_factor", symbols(axes, "s"), words=Message("scale factor")),),
        axes=words(axes),
        display=(("scale_factor", "s"),),
        source="Odena, Dumoulin and Olah, Deconvolution and checkerboard artifacts, 2016",
    )


def upsample_bilinear1d() -> Layer:
    """Linear interpolation to scale_factor times as many elements; beyond the ends stand the first and the last."""
    return _interpolation(1)


def upsample_bilinear2d() -> Layer:
    """Bilinear interpolation, first along each column, z, then along its rows; beyond the border stands the border."""
    return _interpolation(2)


def pixel_shuffle() -> Layer:
    """Channels become pixels: channel (s*c + r)*s + t of x is pixel (r, t) of channel c, PyTorch's order (ONNX CRD)."""
    return read(
        """
        input x[N, H, W, s*s*C]
        output y[N, s*H, s*W, C]
        r < s
        t < s
        y[n, s*i + r, s*j + t, c] = x[n, i, j, s*s*c + s*r + t]
        """,
        "pixel_shuffle",
        class_name="PixelShuffle",
        title=LAYERS["pixel_shuffle"].title,
        options=(Option("upscale_factor", (integer("s"),), Kind.COUNT),),
        axes=words(SPATIAL[2]),
        source=SHUFFLE,
    )


def pixel_unshuffle() -> Layer:
    """Pixels become channels, the inverse of `pixel_shuffle`: pixel (r, t) of channel c is channel (s*c + r)*s + t."""
    return read(
        """
        input x[N, s*H, s*W, C]
        output y[N, H, W, s*s*C]
        r < s
        t < s
        y[n, i, j, s*s*c + s*r + t] = x[n, s*i + r, s*j + t, c]
        """,
        "pixel_unshuffle",
        class_name="PixelUnshuffle",
        title=LAYERS["pixel_unshuffle"].title,
        options=(Option("downscale_factor", (integer("s"),), Kind.COUNT),),
        axes=words(SPATIAL[2]),
        source=SHUFFLE,
    )
