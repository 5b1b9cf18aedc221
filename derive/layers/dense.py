"""Dense and reshaping layers, forward equations only."""

from sympy import Eq, Idx, IndexedBase, Sum

from derive.equations import program
from derive.index import integers
from derive.interface import Layer

N, H, W, C, K = integers("N H W C K")


def dense() -> Layer:
    """Every output sees every input."""
    x, w = IndexedBase("x", shape=(N, C)), IndexedBase("w", shape=(C, K))
    b, u = IndexedBase("b", shape=(K,)), IndexedBase("u", shape=(N, K))
    n, c, k = Idx("n", N), Idx("c", C), Idx("k", K)
    return Layer(
        name="dense",
        class_name="Dense",
        title="dense (fully connected) layer",
        program=program(Eq(u[n, k], Sum(x[n, c] * w[c, k], c) + b[k]), inputs=(x, w, b), optional="b"),
        weights=("w", "b"),
        features=(("in_features", C), ("out_features", K)),
        axes=((N, "batch"), (C, "features")),
        source="Rumelhart, Hinton and Williams, Learning representations by back-propagating errors, 1986, eq. 1",
    )


def flatten() -> Layer:
    """The elements of each image in row-major order as one axis."""
    x, y = IndexedBase("x", shape=(N, H, W, C)), IndexedBase("y", shape=(N, H * W * C))
    n, i, j, c = Idx("n", N), Idx("i", H), Idx("j", W), Idx("c", C)
    return Layer(
        name="flatten",
        class_name="Flatten",
        title="flattening of images to vectors",
        program=program(Eq(y[n, W * C * i + C * j + c], x[n, i, j, c]), inputs=(x,)),
        axes=((N, "batch"), (H, "height"), (W, "width"), (C, "channels")),
    )
