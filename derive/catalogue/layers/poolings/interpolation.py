"""Images read between their elements: at given points, resized, and in windows of boxes. Forward equations only."""

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.catalogue.layers.convolutions.window import SPATIAL, Axis, words
from gradscribe.derive.ir.index import integer, integers
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Kind, Layer, Option
from gradscribe.said import Message

TRANSFORMER = "Jaderberg et al., Spatial transformer networks, 2015, eq. 5"


def grid_sample() -> Layer:
    """The value of x at the points g, which are (x, y) from -1 to 1; 0 outside.

    With align_corners -1 and 1 are the centres of the first and the last element, else their outer edges.
    """

    def place(which: int, extent: str) -> str:
        point = f"(g[n,i,j,{which}] + 1)*({extent} - align_corners)"
        return f"lerp(({point} - (1 - align_corners))/2, zero)"

    return read(
        f"""
        input x[N, H, W, C], g[N, H_out, W_out, 2]
        align_corners = false
        y[n, i, j, c] = x[n, {place(1, "H")}, {place(0, "W")}, c]
        """,
        "grid_sample",
        class_name="GridSample",
        title=LAYERS["grid_sample"].title,
        axes=words(SPATIAL[2]),
        display=(("align_corners", False),),
        source=TRANSFORMER,
    )


def _resized(axis: Axis) -> str:
    """Where an element of the new size lies, in elements of the old one."""
    i, old, new = axis.out, axis.extent, axis.windows
    edges = f"({i} + 1/2)*{old}/{new} - 1/2"
    return f"align_corners*{i}*({old} - 1)/max({new} - 1, 1) + (1 - align_corners)*({edges})"


def resize_bilinear2d() -> Layer:
    """An image of another size, larger or smaller: every element is read between the four around its place.

    With align_corners the first and the last elements stay where they are, else the outer edges do.
    """
    places = ", ".join(f"lerp({_resized(axis)}, replicate)" for axis in SPATIAL[2])
    return read(
        f"""
        input x[N, H, W, C]
        output y[N, H_out, W_out, C]
        align_corners = false
        y[n, i, j, c] = x[n, {places}, c]
        """,
        "resize_bilinear2d",
        class_name="ResizeBilinear2D",
        title=LAYERS["resize_bilinear2d"].title,
        options=(Option("output_size", integers("H_out W_out"), words=Message("output size")),),
        axes=words(SPATIAL[2]),
        display=(("align_corners", False),),
        source="Long, Shelhamer and Darrell, Fully convolutional networks, 2015, section 3.3",
    )


def roi_align() -> Layer:
    """Boxes of images as maps of one size: the mean of S by S points within each of I by J parts of a box.

    A box is (x1, y1, x2, y2) in the image's own coordinates, of image t; scale leads to those of x, whose elements'
    centres lie at halves. A point further outside than one element is 0, a nearer one is moved to the border.
    """
    lines = []
    for position, axis, place in (("v", SPATIAL[2][0], 1), ("h", SPATIAL[2][1], 0)):
        out, part = axis.out, axis.windows
        side = f"(r[m,{place + 2}] - r[m,{place}])*scale/{part}"
        lines.append(f"{position}[m,{out},a] = r[m,{place}]*scale - 1/2 + ({out} + (a + 1/2)/S)*{side}")
        lines.append(f"a < S\n{out} < {part}")
    inside = "[-1 <= v[m,i,a], v[m,i,a] <= H] * [-1 <= h[m,j,b], h[m,j,b] <= W]"
    equations = "\n".join(lines)
    return read(
        f"""
        input x[N, H, W, C], r[M, 4], t[M]
        integer t
        scale = 1.0
        scale > 0
        b < S
        {equations}
        z[m,i,a,j,b,c] = x[t[m], lerp(v[m,i,a], replicate), lerp(h[m,j,b], replicate), c]
        y[m,i,j,c] = sum(a,b) {inside} * z[m,i,a,j,b,c] / S^2
        """,
        "roi_align",
        class_name="RoiAlign",
        title=LAYERS["roi_align"].title,
        options=(
            Option("output_size", integers("H_out W_out"), words=Message("output size")),
            Option("sampling_ratio", (integer("S"),), Kind.COUNT, words=Message("sampling ratio")),
        ),
        axes=words(SPATIAL[2]),
        source="He et al., Mask R-CNN, 2017, section 3",
    )
