"""Losses, forward equations only; each is the mean over the batch."""

from sympy import Eq, Idx, IndexedBase, Sum, Symbol, exp, log

from derive.equations import Maximum, program
from derive.functions import equal
from derive.index import integers
from derive.interface import Layer

N, K, E = integers("N K E")


def softmax_cross_entropy() -> Layer:
    """Softmax of the scores x and negative log-likelihood of the labels t, shifted by the maximum m for stability."""
    x, t = IndexedBase("x", shape=(N, K)), IndexedBase("t", shape=(N,))
    h, m, z = IndexedBase("h", shape=(N, K)), IndexedBase("m", shape=(N,)), IndexedBase("z", shape=(N,))
    y, n, k = Symbol("y"), Idx("n", N), Idx("k", K)
    return Layer(
        name="softmax_cross_entropy",
        class_name="SoftmaxCrossEntropy",
        title="softmax with cross-entropy, mean over the batch",
        program=program(
            Eq(m[n], Maximum(x[n, k], k)),
            Eq(h[n, k], exp(x[n, k] - m[n])),
            Eq(z[n], Sum(h[n, k], k)),
            Eq(y, Sum((log(z[n]) + m[n]) / N, n) - Sum(equal(k, t[n]) * x[n, k] / N, n, k)),
            inputs=(x, t),
            integers="t",
            constants="m",
        ),
        axes=((N, "batch"), (K, "classes")),
        source="Bridle, Probabilistic interpretation of feedforward classification network outputs, 1990",
    )


def mean_squared_error() -> Layer:
    """The mean of the squared differences of x and the target t, over all elements."""
    x, t, y, e = IndexedBase("x", shape=(E,)), IndexedBase("t", shape=(E,)), Symbol("y"), Idx("e", E)
    return Layer(
        name="mean_squared_error",
        class_name="MeanSquaredError",
        title="mean squared error over all elements",
        program=program(Eq(y, Sum((x[e] - t[e]) ** 2 / E, e)), inputs=(x, t), ravel="x t", constants="t"),
        axes=((E, "elements"),),
        source="LeCun et al., Gradient-based learning applied to document recognition, 1998, eq. 8",
    )
