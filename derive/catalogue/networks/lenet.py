"""LeNet-5: as published in 1998, and in the plain form that most texts mean."""

from gradscribe.derive.catalogue.network_text import network
from gradscribe.derive.catalogue.networks import NETWORKS
from gradscribe.derive.catalogue.networks.lenet5_data import BITMAPS, TABLE
from gradscribe.derive.composition import Network, Uniform

LECUN = "LeCun et al., Gradient-based learning applied to document recognition, 1998"
FAN_IN = Uniform(gain=2.4, power=1.0)
"""LeCun et al. 1998, appendix A: weights uniform within 2.4/F, F the fan-in."""
WINDOW = Uniform(gain=2.4 / 4, power=1.0)
"""The same of a unit that subsamples: it has four inputs."""


def lenet5() -> Network:
    """LeNet-5 exactly as published: trainable subsampling, C3's table, radial basis functions, the MAP criterion.

    60,000 trainable parameters; the codes of the output layer are fixed pictures of the digits (figure 3 of the paper).
    """
    return network(
        """
        input x[N, 32, 32, 1]
        c1: conv2d(6, 5) -> a1: scaled_tanh -> s2: subsampling2d
        -> c3: connected_conv2d(16, 5) -> a3: scaled_tanh -> s4: subsampling2d
        -> c5: conv2d(120, 5) -> a5: scaled_tanh -> flat: flatten
        -> f6: dense(84) -> a6: scaled_tanh -> output: rbf(10)
        loss map_criterion
        """,
        "lenet5",
        class_name="LeNet5",
        title=NETWORKS["lenet5"].title,
        data={"c3.m": TABLE, "output.w": BITMAPS},
        starts={"w": FAN_IN, "b": FAN_IN, "s2.a": WINDOW, "s2.b": WINDOW, "s4.a": WINDOW, "s4.b": WINDOW},
        source=f"{LECUN}, section II.B, figure 2; eq. 7 and 9",
    )


def lenet() -> Network:
    """LeNet-5 with maximum pooling, full connections and softmax: the network that most texts call LeNet."""
    return network(
        """
        input x[N, 32, 32, 1]
        c1: conv2d(6, 5) -> a1: tanh -> s2: max_pool2d(2)
        -> c3: conv2d(16, 5) -> a3: tanh -> s4: max_pool2d(2) -> flat: flatten
        -> f5: dense(120) -> a5: tanh -> f6: dense(84) -> a6: tanh -> output: dense(10)
        loss softmax_cross_entropy
        """,
        "lenet",
        class_name="LeNet",
        title=NETWORKS["lenet"].title,
        source=f"{LECUN}, section II.B; pooling by the maximum and softmax came later",
    )
