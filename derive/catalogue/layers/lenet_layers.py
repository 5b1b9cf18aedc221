"""What only LeNet-5 has, forward equations only; its other layers are in the families of their kind."""

from gradscribe.derive.catalogue.layers import LAYERS
from gradscribe.derive.ir.index import integers
from gradscribe.derive.language import read
from gradscribe.derive.layer.interface import Layer

N, C, K = integers("N C K")


def rbf() -> Layer:
    """The penalty of every class: the squared distance of x from the class's code w, LeNet-5's output layer.

    The codes are given in LeNet-5 (stylised images of the characters) and may be trained as well.
    """
    return read(
        """
        weight w
        y[n, k] = sum(c) (x[n, c] - w[k, c])^2
        """,
        "rbf",
        class_name="EuclideanRBF",
        title=LAYERS["rbf"].title,
        features=(("in_features", C), ("out_features", K)),
        axes=((N, "batch"), (C, "features")),
        source="LeCun et al., Gradient-based learning applied to document recognition, 1998, eq. 7",
    )
