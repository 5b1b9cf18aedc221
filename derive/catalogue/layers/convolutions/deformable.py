"""Convolution whose windows move each of their elements by an offset of its own, forward equations only."""

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.layers.convolutions.window import (
    ISOTROPIC,
    SPATIAL,
    dilation,
    kernel_size,
    padding,
    sizes,
    stride,
    words,
)
from gradscribe.derive.ir.index import integers
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer

C, K = integers("C K")


def deform_conv2d() -> Layer:
    """Correlation with w, which reads between elements: o are the offsets (down, right) of every window's elements.

    The mask m, of Deformable ConvNets v2, multiplies what is read; without it that counts as it is.
    """
    axes = SPATIAL[2]
    v, h = (f"{a.position()} + o[n,i,j,r,t,{k}]" for k, a in enumerate(axes))
    return read(
        f"""
        input x[N, H, W, C], w[R, T, C, K], b[K], o[N, H_out, W_out, R, T, 2], m[N, H_out, W_out, R, T]
        optional b
        factor m
        {sizes(axes)}
        v[n,i,j,r,t] = {v}
        h[n,i,j,r,t] = {h}
        z[n,i,j,r,t,c] = x[n, lerp(v[n,i,j,r,t], zero), lerp(h[n,i,j,r,t], zero), c]
        u[n,i,j,k] = sum(r,t,c) z[n,i,j,r,t,c] * m[n,i,j,r,t] * w[r,t,c,k] + b[k]
        """,
        "deform_conv2d",
        class_name="DeformConv2D",
        title=LAYERS["deform_conv2d"].title,
        weights=("w", "b"),
        options=(kernel_size(axes), stride(axes), padding(axes), dilation(axes)),
        features=(("in_channels", C), ("out_channels", K)),
        axes=words(axes),
        display=(*ISOTROPIC, ("dilation", "d")),
        source="Dai et al., Deformable convolutional networks, 2017, eq. 2 and 3; Zhu et al., 2019, eq. 1",
    )
